// The similarities of tokens of 1 and 2 bits by table look-up: see integer_maxsim.cpp.
//
// Lanes are query rows, 32 of them a block. An entry of a table is 32 bytes, one a row, so that a look-up is
// one load for 32 products of 4 / nbits dimensions; the entries of two neighbouring look-ups lie in the two
// halves of a cache line, because loads from the same half of different lines collide. Entries are below 64:
// four are added in bytes before they are widened to 16 bits. The tables (16 KiB at 1 bit, 32 at 2) stay in
// L1. Limit at 2 bits, dim 128, 32 rows: 64 loads, two a cycle.
#ifndef TARTAN_LOOKUP_H
#define TARTAN_LOOKUP_H

#include "tokens.h"

namespace tartan::TARTAN_ISA {
namespace {

#if defined(TARTAN_ISA_AVX2)

// Adds the bytes of look-ups to their sums in 16 bits: `low` has rows 0 .. 15, with the rows 16 .. 31 times
// 256 on top, `high` the rows 16 .. 31.
TARTAN_INLINE void widen(__m256i bytes, __m256i& low, __m256i& high) {
  low = _mm256_add_epi16(low, bytes);
  high = _mm256_add_epi16(high, _mm256_srli_epi16(bytes, 8));
  TARTAN_IN_ORDER(low);
  TARTAN_IN_ORDER(high);
}

TARTAN_INLINE uint64_t byte_of(uint64_t word) { return static_cast<uint8_t>(word); }

// The second byte of a word. One instruction, where shifting and masking are two.
TARTAN_INLINE uint64_t second_byte(uint64_t word) {
#if defined(__x86_64__)
  uint64_t byte;
  __asm__("movzbl %h1, %k0" : "=Q"(byte) : "Q"(word));
  return byte;
#else
  return word >> 8 & 0xff;
#endif
}

// Four look-ups, in the tables from `table` (two lines of 1 KiB): `even` and `odd` hold in their low two
// bytes the places of entries, in eighths, of look-ups 0, 2 and 1, 3.
TARTAN_INLINE __m256i look_up_4(const uint8_t* table, uint64_t even, uint64_t odd) {
  __m256i x = load(table + byte_of(even) * 8);
  x = _mm256_add_epi8(x, load(table + 32 + byte_of(odd) * 8));
  TARTAN_IN_ORDER(x);
  x = _mm256_add_epi8(x, load(table + 1024 + second_byte(even) * 8));
  TARTAN_IN_ORDER(x);
  x = _mm256_add_epi8(x, load(table + 1024 + 32 + second_byte(odd) * 8));
  TARTAN_IN_ORDER(x);
  return x;
}

constexpr uint64_t kNibbles = 0x7878787878787878;

TARTAN_INLINE uint64_t word_at(const uint8_t* p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

// Eight bytes, both nibbles: 16 look-ups.
TARTAN_INLINE void add_word(const uint8_t* table, const uint8_t* bytes, __m256i& low, __m256i& high) {
  const uint64_t word = word_at(bytes);
  uint64_t even = (word << 3) & kNibbles;
  uint64_t odd = (word >> 1) & kNibbles;
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    widen(look_up_4(table + i * 2048, even, odd), low, high);
    even >>= 16;
    odd >>= 16;
  }
}

// The look-ups of n bytes of a residual row.
TARTAN_INLINE void look_up(const uint8_t* table, const uint8_t* bytes, int64_t n, __m256i& low,
                           __m256i& high) {
  __asm__(
      ""
      : "+r"(table));  // or the places of all entries are kept in memory, not as offsets from one register
  int64_t k = 0;
  for (; k + 32 <= n; k += 32) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) add_word(table + (k + i * 8) * 1024, bytes + k + i * 8, low, high);
  }
  for (; k + 8 <= n; k += 8) add_word(table + k * 1024, bytes + k, low, high);
  for (; k < n; k++) {
    const uint64_t byte = bytes[k];
    const uint8_t* line = table + k * 1024;
    widen(_mm256_add_epi8(load(line + (byte & 15) * 64), load(line + 32 + (byte >> 4) * 64)), low, high);
  }
}

template <bool kScaled>
TARTAN_INLINE __m256i combine(__m256i a, __m256i score, __m256i factor, __m128i shift) {
  const __m256i shifted = _mm256_sll_epi16(a, shift);
  return kScaled ? _mm256_adds_epi16(score, _mm256_mulhrs_epi16(shifted, factor))
                 : _mm256_mulhrs_epi16(_mm256_adds_epi16(score, shifted), factor);
}

// The sums of a token's look-ups in part of the tables.
struct Sums {
  __m256i low;
  __m256i high;
};

// What 16 of 32 rows add to the sums of look-ups: their centroid scores (row 0 of them at scores[token] +
// offset), the tokens' factors and the shift of their query.
struct Half {
  const int16_t* const* scores;
  int64_t offset;
  const int16_t* factor;
  __m128i shift;
};

template <bool kScaled>
TARTAN_INLINE __m256i of_token(__m256i a, const Half& half, int64_t i) {
  const __m256i factor = _mm256_set1_epi16(half.factor[i]);
  return combine<kScaled>(a, load(half.scores[i] + half.offset), factor, half.shift);
}

// Raises the maxima [32] of two halves of rows by the tokens of a chunk, whose x also go to `kept` [tokens,
// stride] if it is not NULL. Tables that do not fit L1 are passed over in parts, each for all tokens of the
// chunk. n is the number of bytes of a residual row; knowing it when compiled saves a quarter of the time.
template <bool kScaled>
TARTAN_INLINE void raise_halves(const uint8_t* table, const int16_t* bias, int64_t n, const Chunk& chunk,
                                const Half& first, const Half& second, int16_t* top, int16_t* kept,
                                int64_t stride) {
  constexpr int64_t kPart = 32;  // bytes of a residual row whose tables, 32 KiB, are looked up at once
  Sums sums[kChunk];
  int64_t done = 0;
  for (; n > kPart && n - done > kPart; done += kPart) {
    const uint8_t* part = table + done * 1024;
    for (int64_t i = 0; i < chunk.count; i++) {
      __m256i low = done > 0 ? sums[i].low : _mm256_setzero_si256();
      __m256i high = done > 0 ? sums[i].high : _mm256_setzero_si256();
      look_up(part, chunk.residuals + i * n + done, kPart, low, high);
      sums[i] = {low, high};
    }
  }
  const uint8_t* part = table + done * 1024;
  const __m256i bias0 = load(bias);
  const __m256i bias1 = load(bias + 16);
  __m256i top0 = load(top);
  __m256i top1 = load(top + 16);
  for (int64_t i = 0; i < chunk.count; i++) {
    __m256i low = done > 0 ? sums[i].low : _mm256_setzero_si256();
    __m256i high = done > 0 ? sums[i].high : _mm256_setzero_si256();
    look_up(part, chunk.residuals + i * n + done, n - done, low, high);
    low = _mm256_sub_epi16(low, _mm256_slli_epi16(high, 8));
    const __m256i x0 = of_token<kScaled>(_mm256_sub_epi16(low, bias0), first, i);
    const __m256i x1 = of_token<kScaled>(_mm256_sub_epi16(high, bias1), second, i);
    top0 = _mm256_max_epi16(top0, x0);
    top1 = _mm256_max_epi16(top1, x1);
    if (kept) {
      store(kept + i * stride, x0);
      store(kept + i * stride + 16, x1);
    }
  }
  store(top, top0);
  store(top + 16, top1);
}

// The 32 rows from r; kBytes are those of a residual row, or 0 for any number.
template <bool kScaled, int64_t kBytes>
TARTAN_INLINE void raise_block(const Job& job, const Chunk& chunk, int64_t r, int16_t* top, int16_t* kept) {
  const __m128i shift = _mm_cvtsi32_si128(job.head->shift);
  const Half first = {chunk.scores, r, chunk.factor, shift};
  const Half second = {chunk.scores, r + 16, chunk.factor, shift};
  raise_halves<kScaled>(at<uint8_t>(job.head, job.place.tables) + r * job.head->groups * 16,
                        at<int16_t>(job.head, job.place.bias) + r, kBytes ? kBytes : job.residual_bytes,
                        chunk, first, second, top + r, kept ? kept + r : nullptr, job.head->lanes);
}

#else

template <bool kScaled, int64_t kBytes>
void raise_block(const Job& job, const Chunk& chunk, int64_t r, int16_t* top, int16_t* kept) {
  const uint8_t* table = at<uint8_t>(job.head, job.place.tables) + r * job.head->groups * 16;
  const int16_t* bias = at<int16_t>(job.head, job.place.bias) + r;
  for (int64_t i = 0; i < chunk.count; i++) {
    const uint8_t* bytes = chunk.residuals + i * job.residual_bytes;
    int32_t sums[kBlock] = {};
    for (int64_t g = 0; g < job.head->groups; g++) {
      const int nibble = bytes[g >> 1] >> ((g & 1) * 4) & 15;
      const uint8_t* entry = table + (g >> 1) * 1024 + nibble * 64 + (g & 1) * 32;
      for (int64_t k = 0; k < kBlock; k++) sums[k] += entry[k < 16 ? 2 * k : 2 * k - 31];
    }
    for (int64_t k = 0; k < kBlock; k++) {
      const int32_t a = (sums[k] - bias[k]) * (1 << job.head->shift);
      const int32_t score = chunk.scores[i][r + k];
      const int32_t x = kScaled ? saturate(score + multiply_high(a, chunk.factor[i]))
                                : multiply_high(saturate(score + a), chunk.factor[i]);
      if (x > top[r + k]) top[r + k] = static_cast<int16_t>(x);
      if (kept) kept[i * job.head->lanes + r + k] = static_cast<int16_t>(x);
    }
  }
}

#endif

// Raises the maxima [lanes] by the tokens of a chunk.
template <bool kScaled, int64_t kBytes>
void raise_by_tables(const Job& job, const Chunk& chunk, int16_t* top, int16_t* kept) {
  for (int64_t r = 0; r < job.head->lanes; r += kBlock) {
    raise_block<kScaled, kBytes>(job, chunk, r, top, kept);
  }
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
