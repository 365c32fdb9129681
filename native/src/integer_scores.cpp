// scores[c, r] = round(scale[r] * sum over d of grid[c, d] * values[r, d]) in 16 bits, and best[c] over r.
//
// Shapes: grid uint8 [K, dim] with an offset of 128, values int8 [rows, dim], scores int16 [K, lanes], best
// int16 [K]. Lanes are query rows: four dimensions of a centroid are broadcast, multiplied with those of
// eight rows by vpmaddubsw, and summed in 16 bits with wrap-around, halves of the dimensions apart; the
// offset is taken off at the end, when the true sum fits again. A centroid costs dim bytes read and lanes * 2
// + 2 written.
//
// AVX-512 sums with sixteen rows in 32 bits by vpdpbusd.
//
// Limits at 32 rows, dim 128: 128 vpmaddubsw and as many additions, or 64 vpdpbusd.
#include "integer.h"

#if defined(TARTAN_ISA_AVX2)
#include <immintrin.h>
#endif

namespace tartan::TARTAN_ISA {
namespace {

struct Job {
  int64_t rows;
  int64_t lanes;
  int64_t dim;
  const float* scale;
  const int16_t* correction;
  const int8_t* values;
};

#if defined(TARTAN_ISA_AVX2)

TARTAN_INLINE __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

#if defined(TARTAN_ISA_AVX512)

constexpr int kTile = 8;  // centroids at a time

// Minus what the offset of the centroids adds to the sums of 16 rows.
TARTAN_INLINE __m512i start_of(const Job& job, int64_t r) {
  __m512i sum = _mm512_setzero_si512();
  for (int64_t d = 0; d < job.dim; d += 4) {
    sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(-128),
                              _mm512_loadu_si512(job.values + (d * job.lanes + r * 4)));
  }
  return _mm512_sub_epi32(_mm512_setzero_si512(), sum);
}

// The scores of the 16 rows from r, in order.
TARTAN_INLINE __m256i finish(__m512i sum, const float* scale) {
  const __m512 scores = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale));
  return _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(scores));
}

// The 32 rows from r for kTile centroids, of which the first kVectors * 16 are there.
template <int kVectors>
TARTAN_INLINE void score_block(const Job& job, int64_t r, const int32_t* start, const uint8_t* const* grid,
                               __m256i (&out)[kTile][2]) {
  __m512i sum[kTile][2];
  for (int t = 0; t < kTile; t++) {
    for (int v = 0; v < 2; v++) {
      sum[t][v] = v < kVectors ? _mm512_loadu_si512(start + r + v * 16) : _mm512_setzero_si512();
    }
  }
  const int8_t* values = job.values + r * 4;
  for (int64_t d = 0; d < job.dim; d += 4) {
    __m512i q[kVectors];
    for (int v = 0; v < kVectors; v++) q[v] = _mm512_loadu_si512(values + v * 64);
    values += job.lanes * 4;
    for (int t = 0; t < kTile; t++) {
      int32_t four;
      memcpy(&four, grid[t] + d, sizeof four);
      const __m512i c = _mm512_set1_epi32(four);
      for (int v = 0; v < kVectors; v++) sum[t][v] = _mm512_dpbusd_epi32(sum[t][v], c, q[v]);
    }
  }
  for (int t = 0; t < kTile; t++) {
    for (int v = 0; v < 2; v++) out[t][v] = finish(sum[t][v], job.scale + r + v * 16);
  }
}

TARTAN_INLINE void score_rows(const Job& job, int64_t r, const int32_t* start, const uint8_t* const* grid,
                              __m256i (&out)[kTile][2]) {
  if (job.rows - r > 16) {
    score_block<2>(job, r, start, grid, out);
  } else {
    score_block<1>(job, r, start, grid, out);
  }
}

#else

constexpr int kTile = 2;  // centroids at a time

// From the 16-bit sums of eight rows to their 32-bit scores in units.
TARTAN_INLINE __m256i finish(__m256i sum, const int16_t* correction, const float* scale) {
  const __m256i halves = _mm256_sub_epi16(sum, load(correction));
  const __m256 dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(halves, _mm256_set1_epi16(1)));
  return _mm256_cvtps_epi32(_mm256_mul_ps(dots, _mm256_loadu_ps(scale)));
}

// The 32 rows from r for kTile centroids, of which the first kVectors * 8 are there.
template <int kVectors>
TARTAN_INLINE void score_block(const Job& job, int64_t r, const uint8_t* const* grid,
                               __m256i (&out)[kTile][2]) {
  __m256i sum[kTile][4];
  for (int t = 0; t < kTile; t++) {
    for (int v = 0; v < 4; v++) sum[t][v] = _mm256_setzero_si256();
  }
  const int8_t* values = job.values + r * 4;
  for (int64_t d = 0; d < job.dim; d += 4) {
    __m256i c[kTile];
    for (int t = 0; t < kTile; t++) {
      int32_t four;
      memcpy(&four, grid[t] + d, sizeof four);
      c[t] = _mm256_set1_epi32(four);
    }
    for (int v = 0; v < kVectors; v++) {
      __m256i q = load(values + v * 32);
      TARTAN_IN_ORDER(q);
      for (int t = 0; t < kTile; t++) {
        sum[t][v] = _mm256_add_epi16(sum[t][v], _mm256_maddubs_epi16(c[t], q));
        TARTAN_IN_ORDER(sum[t][v]);
      }
    }
    values += job.lanes * 4;
  }
  for (int t = 0; t < kTile; t++) {
    for (int v = 0; v < 2; v++) {
      const int64_t row = r + v * 16;
      const __m256i a = finish(sum[t][v * 2], job.correction + row * 2, job.scale + row);
      const __m256i b = finish(sum[t][v * 2 + 1], job.correction + row * 2 + 16, job.scale + row + 8);
      out[t][v] = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    }
  }
}

TARTAN_INLINE void score_rows(const Job& job, int64_t r, const int32_t*, const uint8_t* const* grid,
                              __m256i (&out)[kTile][2]) {
  const int64_t vectors = (smaller(kBlock, job.rows - r) + 7) / 8;
  if (vectors == 4) {
    score_block<4>(job, r, grid, out);
  } else if (vectors == 3) {
    score_block<3>(job, r, grid, out);
  } else if (vectors == 2) {
    score_block<2>(job, r, grid, out);
  } else {
    score_block<1>(job, r, grid, out);
  }
}

#endif

TARTAN_INLINE int16_t greatest(__m256i x) {
  // The least of the complements to 65535 - 32768 is what phminposuw finds.
  const __m128i top = _mm_max_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i least = _mm_minpos_epu16(_mm_xor_si128(top, _mm_set1_epi16(0x7fff)));
  return static_cast<int16_t>(_mm_extract_epi16(least, 0) ^ 0x7fff);
}

// 0 in the lanes below n, -32768 in the rest, for the 16 lanes from `lane`.
TARTAN_INLINE __m256i beyond(int64_t lane, int64_t n) {
  const __m256i number = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m256i limit =
      _mm256_set1_epi16(static_cast<int16_t>(n - lane < 16 ? (n - lane < 0 ? 0 : n - lane) : 16));
  return _mm256_andnot_si256(_mm256_cmpgt_epi16(limit, number), _mm256_set1_epi16(kNone));
}

void score_tile(const Job& job, const int32_t* start, const uint8_t* const* grid, int64_t count,
                int16_t* const* out, int16_t* best) {
  __m256i top[kTile];
  for (int t = 0; t < kTile; t++) top[t] = _mm256_set1_epi16(kNone);
  for (int64_t r = 0; r < job.lanes; r += kBlock) {
    __m256i x[kTile][2];
    score_rows(job, r, start, grid, x);
    for (int t = 0; t < kTile; t++) {
      for (int v = 0; v < 2; v++) {
        x[t][v] = _mm256_max_epi16(x[t][v], _mm256_set1_epi16(-32767));
        if (r + v * 16 + 16 > job.rows) {  // lanes beyond hold zeros
          x[t][v] = _mm256_or_si256(x[t][v], beyond(r + v * 16, job.rows));
        }
        if (t < count) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[t] + r + v * 16), x[t][v]);
        top[t] = _mm256_max_epi16(top[t], x[t][v]);
      }
    }
  }
  for (int64_t t = 0; t < count; t++) best[t] = greatest(top[t]);
}

#else

constexpr int kTile = 1;

void score_tile(const Job& job, const int32_t*, const uint8_t* const* grid, int64_t, int16_t* const* out,
                int16_t* best) {
  int32_t sums[256 + kBlock] = {};
  for (int64_t d = 0; d < job.dim; d += 4) {
    const int8_t* values = job.values + d * job.lanes;
    for (int k = 0; k < 4; k++) {
      const int32_t c = grid[0][d + k] - 128;
      for (int64_t r = 0; r < job.lanes; r++) sums[r] += c * values[r * 4 + k];
    }
  }
  int32_t top = kNone;
  for (int64_t r = 0; r < job.lanes; r++) {
    const int32_t score =
        r < job.rows ? clamp(nearest(static_cast<float>(sums[r]) * job.scale[r]), -32767, 32767) : kNone;
    out[0][r] = static_cast<int16_t>(score);
    top = score > top ? score : top;
  }
  *best = static_cast<int16_t>(top);
}

#endif

}  // namespace

int32_t integer_scores(const void* block, const tartan_grid* grid, int64_t first, int64_t last,
                       int16_t* scores, int16_t* best) {
  const Head* head = head_of(block);
  const Layout place = layout_of(head);
  const Job job = {head->rows,
                   head->lanes,
                   head->dim,
                   at<float>(block, place.scale),
                   at<int16_t>(block, place.correction),
                   at<int8_t>(block, place.values)};
  int32_t start[256] = {};
#if defined(TARTAN_ISA_AVX512)
  for (int64_t r = 0; r < job.rows; r += 16) _mm512_storeu_si512(start + r, start_of(job, r));
#endif
  for (int64_t c = first; c < last; c += kTile) {
    const int64_t count = smaller(kTile, last - c);
    const uint8_t* rows[kTile];
    int16_t* out[kTile];
    for (int64_t t = 0; t < kTile; t++) {
      const int64_t real = c + smaller(t, count - 1);
      rows[t] = grid->values + real * job.dim;
      out[t] = scores + real * job.lanes;
    }
    score_tile(job, start, rows, count, out, best + c);
  }
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
