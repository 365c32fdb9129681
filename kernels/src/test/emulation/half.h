// float16, as PTX cvt.f32.f16 and cvt.rn.f16.f32 have it.
#ifndef TARTAN_EMULATION_HALF_H
#define TARTAN_EMULATION_HALF_H

#include <stdint.h>
#include <string.h>

namespace emulation {

inline float float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline uint32_t bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// Exponent and fraction moved into place are off by 2^112, also for subnormals: a product corrects them
// exactly.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, rest = half & 0x7fff;
  if (rest > 0x7c00) return float_of_bits(0x7fffffff);
  if (rest == 0x7c00) return float_of_bits(sign | 0x7f800000);
  return float_of_bits(sign | bits_of_float(float_of_bits(rest << 13) * 0x1p112f));
}

inline uint16_t float_to_half(float x) {
  const uint32_t bits = bits_of_float(x), rest = bits & 0x7fffffff;
  const uint32_t sign = bits >> 16 & 0x8000;
  if (rest > 0x7f800000) return 0x7fff;
  if (rest >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and above
  if (rest < 0x38800000) {
    // Subnormal: the float addition rounds to multiples of 2^-24.
    return static_cast<uint16_t>(sign | (bits_of_float(float_of_bits(rest) + 0.5f) - 0x3f000000));
  }
  const uint32_t odd = rest >> 13 & 1;
  return static_cast<uint16_t>(sign | ((rest - 0x38000000 + 0xfff + odd) >> 13));
}

// `n` of them, two in each word; n is a multiple of 8.
void halves_to_floats(const uint32_t* halves, float* floats, int n);

}  // namespace emulation

#endif
