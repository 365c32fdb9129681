#include "half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace emulation {

#if defined(__x86_64__)
__attribute__((target("f16c,avx"))) static void convert(const uint32_t* halves, float* floats, int n) {
  for (int i = 0; i < n; i += 8) {
    _mm256_storeu_ps(floats + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + i / 2))));
  }
}
#endif

void halves_to_floats(const uint32_t* halves, float* floats, int n) {
#if defined(__x86_64__)
  static const bool supported = __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx");
  if (supported) return convert(halves, floats, n);
#endif
  for (int i = 0; i < n; i++) floats[i] = half_to_float(static_cast<uint16_t>(halves[i / 2] >> i % 2 * 16));
}

}  // namespace emulation
