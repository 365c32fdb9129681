// Eight float32 lanes: AVX2 registers, or the compiler's portable vectors (SSE2, NEON) in the scalar tier.
// Both give the same bits, fma included. Partial loads and stores touch only their n elements.
#ifndef TARTAN_VEC_H
#define TARTAN_VEC_H

#include "isa.h"

#if defined(TARTAN_ISA_AVX2)
#include <immintrin.h>
#endif

namespace tartan::TARTAN_ISA {
namespace {

#if defined(TARTAN_ISA_AVX2)

using Vec = __m256;

TARTAN_INLINE Vec vec_set(float x) { return _mm256_set1_ps(x); }
TARTAN_INLINE Vec vec_broadcast(const float* p) { return _mm256_broadcast_ss(p); }
TARTAN_INLINE Vec vec_load(const float* p) { return _mm256_loadu_ps(p); }
TARTAN_INLINE void vec_store(float* p, Vec x) { _mm256_storeu_ps(p, x); }
TARTAN_INLINE __m256i vec_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
TARTAN_INLINE Vec vec_load_part(const float* p, int64_t n) {
  return n >= 8 ? vec_load(p) : _mm256_maskload_ps(p, vec_lanes(n));
}
TARTAN_INLINE void vec_store_part(float* p, Vec x, int64_t n) {
  if (n >= 8) {
    vec_store(p, x);
  } else {
    _mm256_maskstore_ps(p, vec_lanes(n), x);
  }
}
// The first n lanes of x, `other` in the rest.
TARTAN_INLINE Vec vec_keep(Vec x, int64_t n, Vec other) {
  return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(vec_lanes(n)));
}
TARTAN_INLINE Vec vec_mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
TARTAN_INLINE Vec vec_div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
TARTAN_INLINE Vec vec_sqrt(Vec x) { return _mm256_sqrt_ps(x); }
TARTAN_INLINE Vec vec_rint(Vec x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
TARTAN_INLINE Vec vec_add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
TARTAN_INLINE Vec vec_sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
TARTAN_INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
TARTAN_INLINE Vec vec_muladd(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
// a > b ? a : b, so a NaN in a loses.
TARTAN_INLINE Vec vec_max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
// a < b ? a : b
TARTAN_INLINE Vec vec_min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
// As vec_max, but a NaN in b, which stands for "none yet", loses too.
TARTAN_INLINE Vec vec_max_or_first(Vec a, Vec b) {
  return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
}
// A bit for each lane with a > b, a >= b, and not a <= b.
TARTAN_INLINE uint32_t vec_gt(Vec a, Vec b) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)));
}
TARTAN_INLINE uint32_t vec_ge(Vec a, Vec b) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
}
TARTAN_INLINE uint32_t vec_not_le(Vec a, Vec b) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NLE_UQ)));
}
TARTAN_INLINE float half_to_float(uint16_t h) { return _cvtsh_ss(h); }
TARTAN_INLINE uint16_t float_to_half(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
TARTAN_INLINE Vec vec_load_half(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

#else

typedef float Vec __attribute__((vector_size(32)));
typedef int32_t VecMask __attribute__((vector_size(32)));

TARTAN_INLINE Vec vec_set(float x) { return Vec{x, x, x, x, x, x, x, x}; }
TARTAN_INLINE Vec vec_broadcast(const float* p) { return vec_set(*p); }
TARTAN_INLINE Vec vec_load(const float* p) {
  Vec x;
  memcpy(&x, p, sizeof x);
  return x;
}
TARTAN_INLINE void vec_store(float* p, Vec x) { memcpy(p, &x, sizeof x); }
TARTAN_INLINE Vec vec_load_part(const float* p, int64_t n) {
  if (n >= 8) return vec_load(p);
  Vec x = vec_set(0);
  for (int64_t i = 0; i < n; i++) x[i] = p[i];
  return x;
}
TARTAN_INLINE void vec_store_part(float* p, Vec x, int64_t n) {
  if (n >= 8) return vec_store(p, x);
  for (int64_t i = 0; i < n; i++) p[i] = x[i];
}
TARTAN_INLINE Vec vec_keep(Vec x, int64_t n, Vec other) {
  for (int64_t i = n; i < 8; i++) x[i] = other[i];
  return x;
}
TARTAN_INLINE Vec vec_mul(Vec a, Vec b) { return a * b; }
TARTAN_INLINE Vec vec_div(Vec a, Vec b) { return a / b; }
TARTAN_INLINE Vec vec_sqrt(Vec x) {
  for (int i = 0; i < 8; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
TARTAN_INLINE Vec vec_rint(Vec x) {
  for (int i = 0; i < 8; i++) x[i] = __builtin_rintf(x[i]);
  return x;
}
TARTAN_INLINE Vec vec_add(Vec a, Vec b) { return a + b; }
TARTAN_INLINE Vec vec_sub(Vec a, Vec b) { return a - b; }
TARTAN_INLINE Vec vec_fma(Vec a, Vec b, Vec c) {
  for (int i = 0; i < 8; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
}
// Where only a bound is promised, two roundings are cheaper than an fma in software.
TARTAN_INLINE Vec vec_muladd(Vec a, Vec b, Vec c) { return a * b + c; }
TARTAN_INLINE Vec vec_max(Vec a, Vec b) { return a > b ? a : b; }
TARTAN_INLINE Vec vec_min(Vec a, Vec b) { return a < b ? a : b; }
TARTAN_INLINE Vec vec_max_or_first(Vec a, Vec b) { return b == b ? (a > b ? a : b) : a; }
TARTAN_INLINE uint32_t vec_bits(VecMask m) {
  uint32_t bits = 0;
  for (int i = 0; i < 8; i++) bits |= m[i] ? 1u << i : 0u;
  return bits;
}
TARTAN_INLINE uint32_t vec_gt(Vec a, Vec b) { return vec_bits(a > b); }
TARTAN_INLINE uint32_t vec_ge(Vec a, Vec b) { return vec_bits(a >= b); }
TARTAN_INLINE uint32_t vec_not_le(Vec a, Vec b) { return vec_bits(a <= b) ^ 0xffu; }
TARTAN_INLINE float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t magnitude = h & 0x7fff;
  float x;
  if (magnitude < 0x0400) {  // zero or subnormal: the significand times 2^-24
    x = static_cast<float>(magnitude) * 0x1p-24f;
    return sign ? -x : x;
  }
  uint32_t bits = sign | (magnitude << 13);
  bits += magnitude >= 0x7c00 ? 0x70000000u : 0x38000000u;
  memcpy(&x, &bits, sizeof x);
  return x;
}
// Rounds to the nearest, ties to even.
TARTAN_INLINE uint16_t float_to_half(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // subnormal: the steps of float32 from 1/2 are 2^-24
    float y;
    memcpy(&y, &magnitude, sizeof y);
    y += 0.5f;
    memcpy(&magnitude, &y, sizeof y);
    return static_cast<uint16_t>(sign | (magnitude - 0x3f000000));
  }
  magnitude += 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (magnitude - 0x38000000) >> 13);
}
TARTAN_INLINE Vec vec_load_half(const uint16_t* p) {
  Vec x;
  for (int i = 0; i < 8; i++) x[i] = half_to_float(p[i]);
  return x;
}

#endif

// The sum of the lanes, always in the same order.
TARTAN_INLINE float vec_sum(Vec x) {
#if defined(TARTAN_ISA_AVX2)
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
#else
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
#endif
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
