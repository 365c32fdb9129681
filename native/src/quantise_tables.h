// The look-up tables of a query, for codes of 1 and 2 bits.
//
// entry = round((v - low) / step) in 0 .. limit, where v is the sum of q[d] * weights[b[d]] over the
// dimensions of a group and low its least value over b; one step for all rows and groups, so that scores of
// different rows add as integers. bias = round(-sum of low / step).
#ifndef TARTAN_QUANTISE_TABLES_H
#define TARTAN_QUANTISE_TABLES_H

#include "quantise.h"

namespace tartan::TARTAN_ISA {
namespace {

// What a nibble stands for.
struct Group {
  explicit Group(const tartan_codec* codec) : dims(4 / codec->nbits), weights(codec->weights) {}
  int32_t dims;          // dimensions of a nibble
  const float* weights;  // of the bits of one dimension
};

// The 16 sums of a group of kDims dimensions for eight rows; returns their least.
template <int kDims>
TARTAN_INLINE Vec sums_of(const Group& group, const float* q, int64_t lanes, Vec* sums) {
  constexpr int kBits = 4 / kDims;
  constexpr int kWeights = 1 << kBits;
  for (int i = 0; i < kWeights; i++) sums[i] = vec_mul(vec_load(q), vec_set(group.weights[i]));
  int n = kWeights;
  for (int k = 1; k < kDims; k++) {
    const Vec x = vec_load(q + k * lanes);
    for (int j = kWeights - 1; j >= 0; j--) {
      const Vec more = vec_mul(x, vec_set(group.weights[j]));
      for (int i = 0; i < n; i++) sums[j * n + i] = vec_add(sums[i], more);
    }
    n *= kWeights;
  }
  Vec low = sums[0];
  for (int i = 1; i < 16; i++) low = vec_min(sums[i], low);
  return low;
}

TARTAN_INLINE Vec group_sums(const Group& group, const float* q, int64_t lanes, Vec* sums) {
  if (group.dims == 2) return sums_of<2>(group, q, lanes, sums);
  return sums_of<4>(group, q, lanes, sums);
}

struct Ranges {
  float widest;    // of a group
  float farthest;  // sum of the groups' extremes of one row, by absolute value
};

// Measures the groups, and leaves the sum of the lows of every row in `lows`.
Ranges measure(const Group& group, const float* q, const Layout& at_, float* lows) {
  Ranges ranges = {0, 0};
  for (int64_t r = 0; r < at_.lanes; r += 8) {
    Vec below = vec_set(0);
    Vec above = vec_set(0);
    Vec widest = vec_set(0);
    for (int64_t g = 0; g < at_.groups; g++) {
      Vec sums[16];
      const Vec low = group_sums(group, q + g * group.dims * at_.lanes + r, at_.lanes, sums);
      Vec high = sums[0];
      for (int i = 1; i < 16; i++) high = vec_max(sums[i], high);
      below = vec_add(below, low);
      above = vec_add(above, high);
      widest = vec_max(vec_sub(high, low), widest);
    }
    vec_store(lows + r, below);
    float a[8], b[8], w[8];
    vec_store(a, above);
    vec_store(b, below);
    vec_store(w, widest);
    for (int i = 0; i < 8; i++) {
      const float far =
          __builtin_fabsf(a[i]) > __builtin_fabsf(b[i]) ? __builtin_fabsf(a[i]) : __builtin_fabsf(b[i]);
      ranges.widest = w[i] > ranges.widest ? w[i] : ranges.widest;
      ranges.farthest = far > ranges.farthest ? far : ranges.farthest;
    }
  }
  return ranges;
}

#if defined(TARTAN_ISA_AVX2)
TARTAN_INLINE __m256i entries_of(Vec sum, Vec low, Vec inverse) {
  return _mm256_cvtps_epi32(vec_mul(vec_sub(sum, low), inverse));
}
// Joins four vectors of eight rows to the bytes of one entry.
TARTAN_INLINE void store_entry(const __m256i* x, uint8_t* out) {
  const __m256i a = _mm256_or_si256(x[0], _mm256_slli_epi32(x[2], 8));
  const __m256i b = _mm256_or_si256(x[1], _mm256_slli_epi32(x[3], 8));
  const __m256i joined = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), joined);
}
#endif

void fill_tables(const Group& group, const float* q, const Layout& at_, float inverse, uint8_t* tables) {
  for (int64_t r = 0; r < at_.lanes; r += kBlock) {
    uint8_t* block = tables + r * at_.groups * 16;
    for (int64_t g = 0; g < at_.groups; g++) {
      uint8_t* out = block + (g >> 1) * 1024 + (g & 1) * 32;
      Vec sums[4][16];
      Vec low[4];
      for (int v = 0; v < 4; v++) {
        low[v] = group_sums(group, q + g * group.dims * at_.lanes + r + v * 8, at_.lanes, sums[v]);
      }
      for (int i = 0; i < 16; i++) {
#if defined(TARTAN_ISA_AVX2)
        __m256i x[4];
        for (int v = 0; v < 4; v++) x[v] = entries_of(sums[v][i], low[v], vec_set(inverse));
        store_entry(x, out + i * 64);
#else
        for (int v = 0; v < 4; v++) {
          for (int k = 0; k < 8; k++) {
            const int row = v * 8 + k;
            const int place = row < 16 ? row * 2 : (row - 16) * 2 + 1;
            out[i * 64 + place] = static_cast<uint8_t>(nearest((sums[v][i][k] - low[v][k]) * inverse));
          }
        }
#endif
      }
    }
  }
}

// Chooses step, shift and unit.
void choose_units(const tartan_codec* codec, const Ranges& ranges, const Layout& at_, float least,
                  int32_t limit, Head* head) {
  float step = ranges.widest / static_cast<float>(limit);
  const float far = ranges.farthest / 32000.0f;
  step = far > step ? far : step;
  step = step > 1e-12f ? step : 1;
  if (codec->form == TARTAN_UNIT && step < least) step = least;
  float most = ranges.farthest / step + static_cast<float>(at_.groups) / 2 + 1;
  if (codec->form == TARTAN_UNIT) most += 32767.0f * least / step;  // both parts add before they are scaled
  int32_t shift = 0;
  while (shift < 8 && most * static_cast<float>(2 << shift) <= 32767.0f) shift++;
  if (codec->form == TARTAN_UNIT) {
    while (shift > 0 && step / static_cast<float>(1 << shift) < least) shift--;
    head->unit = step / static_cast<float>(1 << shift) * 2;  // the multiplication by 1 / norm halves
    head->multiplier = 16384.0f;
  } else {
    const float whole = step * static_cast<float>(1 << (15 - shift));
    const float finest = factor_limit(codec) * whole / 32767.0f;
    head->unit = finest > least ? finest : least;
    head->multiplier = whole / head->unit;
  }
  head->shift = shift;
  head->step = step;
}

// Makes the tables; `lows` [lanes] is scratch.
void quantise_tables(const tartan_codec* codec, const float* q, const Layout& at_, float least, float* lows,
                     void* block) {
  Head* head = static_cast<Head*>(block);
  const Group group(codec);
  const int32_t fits = static_cast<int32_t>(32767 / at_.groups);
  const int32_t limit = fits < kLimit ? fits : kLimit;
  const Ranges ranges = measure(group, q, at_, lows);
  choose_units(codec, ranges, at_, least, limit, head);
  const float inverse = 1 / head->step;
  int16_t* bias = at<int16_t>(block, at_.bias);
  for (int64_t r = 0; r < at_.lanes; r++)
    bias[r] = static_cast<int16_t>(saturate(nearest(-lows[r] * inverse)));
  fill_tables(group, q, at_, inverse, at<uint8_t>(block, at_.tables));
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
