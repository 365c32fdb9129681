// The tile of the screen: the bounds of six rows with the centroids of one panel, or of two with AVX-512, in
// order.
#ifndef TARTAN_BOUND_TILE_H
#define TARTAN_BOUND_TILE_H

#include "centroid_sketch.h"

#if defined(TARTAN_ISA_AVX2)

namespace tartan::TARTAN_ISA {
namespace {

// One row of a batch as the bound sees it.
struct Query {
  const float* row;
  float inverse;    // 1 / |row|
  float factor;     // of bounds: row scale * centroid scale / largest
  float allowance;  // what the integers may be off by, the slack included
  int8_t* bytes;    // [width]
  int32_t start;    // minus the offset's share: where 16-bit sums wrap in two halves, else whole
  bool fits;        // false: the row is to be done in float
};

#if defined(TARTAN_ISA_AVX512)

constexpr int64_t kPanels = 2;  // of a tile

// What the sums of a row start from, of whose elements these are the sums of dimensions 0, 1 and 2, 3 of
// four.
TARTAN_INLINE int32_t start_of(int32_t low, int32_t high) {
  return static_cast<int32_t>(-kOffset * (low + high));
}

TARTAN_INLINE void bound_tile(const uint8_t* panel, int64_t steps, const Query* q,
                              __m256i (&out)[kPanels][6]) {
  __m512i acc[6][kPanels];
  const int8_t* p[6];
  for (int t = 0; t < 6; t++) {
    p[t] = q[t].bytes;
    for (int k = 0; k < kPanels; k++) acc[t][k] = _mm512_set1_epi32(q[t].start);
  }
  for (int64_t i = 0; i < steps; i++) {
    __m512i c[kPanels];
    for (int k = 0; k < kPanels; k++) c[k] = _mm512_loadu_si512(panel + (k * steps + i) * 64);
    for (int t = 0; t < 6; t++) {
      int32_t word;
      memcpy(&word, p[t] + i * 4, 4);
      const __m512i b = _mm512_set1_epi32(word);
      for (int k = 0; k < kPanels; k++) acc[t][k] = _mm512_dpbusd_epi32(acc[t][k], c[k], b);
    }
  }
  for (int t = 0; t < 6; t++) {
    for (int k = 0; k < kPanels; k++) {
      out[k][t] =
          _mm256_packs_epi32(_mm512_castsi512_si256(acc[t][k]), _mm512_extracti64x4_epi64(acc[t][k], 1));
    }
  }
}

#else

constexpr int64_t kPanels = 1;  // of a tile

// What the sums of a row start from, of whose elements these are the sums of dimensions 0, 1 and 2, 3 of
// four.
TARTAN_INLINE int32_t start_of(int32_t low, int32_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(-kOffset * low) & 0xffffu) |
                              static_cast<uint32_t>(-kOffset * high) << 16);
}

TARTAN_INLINE void bound_tile(const uint8_t* panel, int64_t steps, const Query* q,
                              __m256i (&out)[kPanels][6]) {
  __m256i acc[6][2];
  const int8_t* p[6];
  for (int t = 0; t < 6; t++) {
    p[t] = q[t].bytes;
    acc[t][0] = acc[t][1] = _mm256_set1_epi32(q[t].start);
  }
  for (int64_t i = 0; i < steps; i++) {
    const __m256i* at = reinterpret_cast<const __m256i*>(panel + i * 64);
    const __m256i c0 = _mm256_loadu_si256(at);
    const __m256i c1 = _mm256_loadu_si256(at + 1);
    for (int t = 0; t < 6; t++) {
      int32_t word;
      memcpy(&word, p[t] + i * 4, 4);
      const __m256i b = _mm256_set1_epi32(word);
      acc[t][0] = _mm256_add_epi16(acc[t][0], _mm256_maddubs_epi16(c0, b));
      acc[t][1] = _mm256_add_epi16(acc[t][1], _mm256_maddubs_epi16(c1, b));
    }
  }
  const __m256i ones = _mm256_set1_epi16(1);
  for (int t = 0; t < 6; t++) {
    out[0][t] = _mm256_packs_epi32(_mm256_madd_epi16(acc[t][0], ones), _mm256_madd_epi16(acc[t][1], ones));
  }
}

#endif

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
#endif
