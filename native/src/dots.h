// The similarities of tokens of 3, 4 and 8 bits by dot products of bytes: see integer_maxsim.cpp.
//
// The weights of some tokens are unpacked to bytes in L1 (unpack.h) and meet the query rows, 32 a block, as
// in integer_scores.cpp: four dimensions of a token are broadcast. AVX2: two tokens share each load of query
// rows; vpmaddubsw sums in 16 bits with wrap-around, halves of the dimensions apart, and the offset of the
// weights is in what the sums start from. AVX-512: eight tokens, and vpdpbusd sums in 32 bits. Limits at dim
// 128, 32 rows: 128 vpmaddubsw and as many additions, or 64 vpdpbusd.
#ifndef TARTAN_DOTS_H
#define TARTAN_DOTS_H

#include "tokens.h"
#include "unpack.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kUnpacked = 8192;  // bytes of weights at a time

#if defined(TARTAN_ISA_AVX2)
template <bool kScaled>
TARTAN_INLINE __m256i combine_dots(__m256i a, __m256i score, __m256i factor) {
  return kScaled ? _mm256_adds_epi16(score, _mm256_mulhrs_epi16(a, factor))
                 : _mm256_mulhrs_epi16(_mm256_adds_epi16(score, a), factor);
}

#endif

#if defined(TARTAN_ISA_AVX512)

template <int64_t kRows>
constexpr int kWidestTile = 8;  // tokens

// What sums of 32 rows start from.
struct Start {
  __m512i half[2];
};

TARTAN_INLINE Start start_of(const Job& job, int64_t r) {
  const int16_t* start = at<int16_t>(job.head, job.place.start) + r * 2;
  const __m512i ones = _mm512_set1_epi16(1);
  return {{_mm512_madd_epi16(_mm512_loadu_si512(start), ones),
           _mm512_madd_epi16(_mm512_loadu_si512(start + 32), ones)}};
}

template <bool kScaled>
TARTAN_INLINE __m512i combine_dots(__m512i a, __m512i score, __m512i factor) {
  return kScaled ? _mm512_adds_epi16(score, _mm512_mulhrs_epi16(a, factor))
                 : _mm512_mulhrs_epi16(_mm512_adds_epi16(score, a), factor);
}

// As raise_tile for 16 rows, which the first halves of all vectors hold.
template <bool kScaled, int64_t kDim, int kTokens>
TARTAN_INLINE void raise_half_tile(const Job& job, const Chunk& chunk, int64_t i, const uint8_t* w, int64_t r,
                                   const Start& start, int16_t* top, int16_t* kept) {
  const int64_t dim = kDim ? kDim : job.head->dim;
  const int64_t stride = job.head->lanes * 4;
  const int8_t* rows = at<int8_t>(job.head, job.place.rows_of_dots) + r * 4;
  __m256i sum[kTokens][2];
  for (int t = 0; t < kTokens; t++) {
    for (int h = 0; h < 2; h++) sum[t][h] = _mm512_castsi512_si256(start.half[h]);
  }
  for (int64_t d = 0; d < dim; d += 4) {
    const __m256i q0 = load(rows);
    const __m256i q1 = load(rows + 64);
    rows += stride;
    for (int t = 0; t < kTokens; t++) {
      int32_t four;
      memcpy(&four, w + t * dim + d, sizeof four);
      const __m256i c = _mm256_set1_epi32(four);
      sum[t][0] = _mm256_dpbusd_epi32(sum[t][0], c, q0);
      sum[t][1] = _mm256_dpbusd_epi32(sum[t][1], c, q1);
    }
  }
  __m256i most = load(top + r);
  for (int t = 0; t < kTokens; t++) {
    const __m256i a = _mm256_packs_epi32(_mm256_srai_epi32(sum[t][0], 1), _mm256_srai_epi32(sum[t][1], 1));
    const __m256i factor = _mm256_set1_epi16(chunk.factor[i + t]);
    const __m256i x = combine_dots<kScaled>(a, load(chunk.scores[i + t] + r), factor);
    most = _mm256_max_epi16(most, x);
    if (kept) store(kept + (i + t) * job.head->lanes + r, x);
  }
  store(top + r, most);
}

// kTokens tokens of the chunk from token i on, whose weights are at w, with the kRows rows, 16 or 32, from r.
template <bool kScaled, int64_t kDim, int64_t kRows, int kTokens>
TARTAN_INLINE void raise_tile(const Job& job, const Chunk& chunk, int64_t i, const uint8_t* w, int64_t r,
                              const Start& start, int16_t* top, int16_t* kept) {
  if (kRows == 16) return raise_half_tile<kScaled, kDim, kTokens>(job, chunk, i, w, r, start, top, kept);
  const int64_t dim = kDim ? kDim : job.head->dim;
  const int64_t stride = job.head->lanes * 4;
  const int8_t* rows = at<int8_t>(job.head, job.place.rows_of_dots) + r * 4;
  __m512i sum[kTokens][2];
  for (int t = 0; t < kTokens; t++) sum[t][0] = start.half[0], sum[t][1] = start.half[1];
  for (int64_t d = 0; d < dim; d += 4) {
    const __m512i q0 = _mm512_loadu_si512(rows);
    const __m512i q1 = _mm512_loadu_si512(rows + 64);
    rows += stride;
    for (int t = 0; t < kTokens; t++) {
      int32_t four;
      memcpy(&four, w + t * dim + d, sizeof four);
      const __m512i c = _mm512_set1_epi32(four);
      sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], c, q0);
      sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], c, q1);
    }
  }
  __m512i most = _mm512_loadu_si512(top + r);
  for (int t = 0; t < kTokens; t++) {
    const __m512i a = _mm512_packs_epi32(_mm512_srai_epi32(sum[t][0], 1), _mm512_srai_epi32(sum[t][1], 1));
    const __m512i x = combine_dots<kScaled>(a, _mm512_loadu_si512(chunk.scores[i + t] + r),
                                            _mm512_set1_epi16(chunk.factor[i + t]));
    most = _mm512_max_epi16(most, x);
    if (kept) _mm512_storeu_si512(kept + (i + t) * job.head->lanes + r, x);
  }
  _mm512_storeu_si512(top + r, most);
}

#elif defined(TARTAN_ISA_AVX2)

// The sums, eight of them, stay in registers.
template <int64_t kRows>
constexpr int kWidestTile = kRows == 16 ? 4 : 2;

// What sums of 32 rows start from.
struct Start {
  __m256i part[4];
};

TARTAN_INLINE Start start_of(const Job& job, int64_t r) {
  Start start;
  for (int v = 0; v < 4; v++) start.part[v] = load(at<int16_t>(job.head, job.place.start) + r * 2 + v * 16);
  return start;
}

TARTAN_INLINE __m256i half_of_sum(__m256i sum) {
  return _mm256_srai_epi32(_mm256_madd_epi16(sum, _mm256_set1_epi16(1)), 1);
}

template <bool kScaled, int64_t kDim, int64_t kRows, int kTokens>
TARTAN_INLINE void raise_tile(const Job& job, const Chunk& chunk, int64_t i, const uint8_t* w, int64_t r,
                              const Start& start, int16_t* top, int16_t* kept) {
  const int64_t dim = kDim ? kDim : job.head->dim;
  const int64_t stride = job.head->lanes * 4;
  const int8_t* rows = at<int8_t>(job.head, job.place.rows_of_dots) + r * 4;
  constexpr int kParts = kRows / 8;  // the first and third of four hold rows 0 .. 15
  __m256i sum[kTokens][4];
  for (int t = 0; t < kTokens; t++) {
    for (int v = 0; v < 4; v++) sum[t][v] = start.part[v];
  }
#pragma GCC unroll 2
  for (int64_t d = 0; d < dim; d += 4) {
    __m256i c[kTokens];
    for (int t = 0; t < kTokens; t++) {
      int32_t four;
      memcpy(&four, w + t * dim + d, sizeof four);
      c[t] = _mm256_set1_epi32(four);
    }
    for (int v = 0; v < 4; v += 4 / kParts) {
      __m256i q = load(rows + v * 32);
      TARTAN_IN_ORDER(q);
      for (int t = 0; t < kTokens; t++)
        sum[t][v] = _mm256_add_epi16(sum[t][v], _mm256_maddubs_epi16(c[t], q));
    }
    for (int t = 0; t < kTokens; t++) {
      for (int v = 0; v < 4; v += 4 / kParts) TARTAN_IN_ORDER(sum[t][v]);
    }
    rows += stride;
  }
  for (int t = 0; t < kTokens; t++) {
    const __m256i factor = _mm256_set1_epi16(chunk.factor[i + t]);
    for (int h = 0; h < kRows / 16; h++) {
      const int64_t k = r + h * 16;
      const __m256i a = _mm256_packs_epi32(half_of_sum(sum[t][h]), half_of_sum(sum[t][h + 2]));
      const __m256i x = combine_dots<kScaled>(a, load(chunk.scores[i + t] + k), factor);
      store(top + k, _mm256_max_epi16(load(top + k), x));
      if (kept) store(kept + (i + t) * job.head->lanes + k, x);
    }
  }
}

#else

template <int64_t kRows>
constexpr int kWidestTile = 1;

struct Start {};

TARTAN_INLINE Start start_of(const Job&, int64_t) { return {}; }

template <bool kScaled, int64_t kDim, int64_t kRows, int kTokens>
TARTAN_INLINE void raise_tile(const Job& job, const Chunk& chunk, int64_t i, const uint8_t* w, int64_t r,
                              const Start&, int16_t* top, int16_t* kept) {
  const int8_t* rows = at<int8_t>(job.head, job.place.rows_of_dots) + r * 4;
  int32_t sums[kBlock] = {};
  for (int64_t d = 0; d < job.head->dim; d++) {
    const int8_t* q = rows + (d >> 2) * job.head->lanes * 4 + (d & 3);
    for (int64_t k = 0; k < kBlock; k++) sums[k] += (w[d] - kWeightOffset) * q[k * 4];
  }
  for (int64_t k = 0; k < kBlock; k++) {
    const int32_t a = sums[place_of(k)] >> 1;
    const int32_t score = chunk.scores[i][r + k];
    const int32_t x = kScaled ? saturate(score + multiply_high(a, chunk.factor[i]))
                              : multiply_high(saturate(score + a), chunk.factor[i]);
    if (x > top[r + k]) top[r + k] = static_cast<int16_t>(x);
    if (kept) kept[i * job.head->lanes + r + k] = static_cast<int16_t>(x);
  }
}

#endif

// Takes the tokens from i in tiles of kTokens, and what is left in smaller ones.
template <bool kScaled, int64_t kDim, int64_t kRows, int kTokens>
TARTAN_INLINE void raise_tiles(const Job& job, const Chunk& chunk, int64_t i, int64_t end, const uint8_t* w,
                               int64_t r, const Start& start, int16_t* top, int16_t* kept) {
  for (; i + kTokens <= end; i += kTokens) {
    raise_tile<kScaled, kDim, kRows, kTokens>(job, chunk, i, w, r, start, top, kept);
    w += kTokens * job.head->dim;
  }
  if constexpr (kTokens > 1) {
    if (i < end) raise_tiles<kScaled, kDim, kRows, kTokens / 2>(job, chunk, i, end, w, r, start, top, kept);
  }
}

// Raises the maxima [lanes] by the tokens of a chunk, whose x also go to `kept` [tokens, lanes] if it is not
// NULL. kDim is the dimension, or 0 for any.
template <bool kScaled, int kBits, int64_t kDim>
void raise_by_dots(const Job& job, const Chunk& chunk, int16_t* top, int16_t* kept) {
  const int64_t dim = kDim ? kDim : job.head->dim;
  const uint8_t* weights = at<uint8_t>(job.head, job.place.weights);
  const int64_t step = kUnpacked / dim;
  alignas(64) uint8_t unpacked[kUnpacked + 64];
  for (int64_t i = 0; i < chunk.count; i += step) {
    const int64_t end = smaller(i + step, chunk.count);
    unpack<kBits>(chunk.residuals + i * job.residual_bytes, (end - i) * dim, weights, unpacked);
    for (int64_t r = 0; r < job.head->lanes; r += kBlock) {
      if (job.head->rows - r > 16) {
        raise_tiles<kScaled, kDim, 32, kWidestTile<32>>(job, chunk, i, end, unpacked, r, start_of(job, r),
                                                        top, kept);
      } else {
        raise_tiles<kScaled, kDim, 16, kWidestTile<16>>(job, chunk, i, end, unpacked, r, start_of(job, r),
                                                        top, kept);
      }
    }
  }
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
