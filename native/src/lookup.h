// The look-ups shared by integer_maxsim and rescore: see integer_maxsim.cpp.
#ifndef TARTAN_LOOKUP_H
#define TARTAN_LOOKUP_H

#include "integer.h"
#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kChunk = 64;  // tokens whose codes and factors are read ahead

struct Job {
  const Head* head;
  const tartan_passages* tokens;
  const int16_t* scores;
  int64_t centroids;
  int64_t residual_bytes;
  const int16_t* bias;
  const uint8_t* tables;
};

// Codes and factors of a chunk of tokens.
struct Chunk {
  int64_t count;
  const uint8_t* residuals;
  const int16_t* scores[kChunk];
  int16_t factor[kChunk];
};

TARTAN_INLINE int16_t fixed_factor(float factor, float multiplier) {
  const float x = factor * multiplier;
  return static_cast<int16_t>(x > 0 ? (x < 32767.0f ? nearest(x) : 32767) : 0);  // 0 for NaN
}

// Factors from token `begin` on in fixed point.
TARTAN_INLINE void read_factors(const Job& job, int64_t begin, int64_t count, int16_t* out) {
  const uint16_t* factors = job.tokens->factors;
  int64_t i = 0;
#if defined(TARTAN_ISA_AVX2)
  const Vec limit = vec_set(32767.0f);
  for (; factors && i + 8 <= count; i += 8) {
    Vec x = vec_mul(vec_load_half(factors + begin + i), vec_set(job.head->multiplier));
    x = vec_min(vec_max(x, vec_set(0)), limit);  // NaN to 0
    const __m256i fixed = _mm256_cvtps_epi32(x);
    const __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(fixed), _mm256_extracti128_si256(fixed, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), packed);
  }
#endif
  for (; i < count; i++) {
    out[i] = fixed_factor(factors ? half_to_float(factors[begin + i]) : 1.0f, job.head->multiplier);
  }
}

TARTAN_INLINE bool read_chunk(const Job& job, int64_t begin, int64_t count, Chunk& chunk) {
  const tartan_passages* tokens = job.tokens;
  const int64_t lanes = job.head->lanes;
  chunk.count = count;
  chunk.residuals = tokens->residuals + begin * job.residual_bytes;
  int64_t worst = 0;
  for (int64_t i = 0; i < count; i++) {
    const int64_t code = code_at(tokens, begin + i);
    worst |= code | (job.centroids - 1 - code);  // negative if any is out of range
    chunk.scores[i] = job.scores + code * lanes;
    __builtin_prefetch(chunk.scores[i]);
  }
  if (worst < 0) return false;
  for (int64_t r = kBlock; r < lanes; r += kBlock) {
    for (int64_t i = 0; i < count; i++) __builtin_prefetch(chunk.scores[i] + r);
  }
  read_factors(job, begin, count, chunk.factor);
  return true;
}

// The next candidate lies anywhere in the segment: its first lines are asked for while this one is scored.
TARTAN_INLINE void prefetch_passage(const Job& job, int64_t passage) {
  if (!within(passage, job.tokens->passages)) return;
  const int64_t begin = job.tokens->offsets[passage];
  const int64_t end = smaller(job.tokens->offsets[passage + 1], begin + kChunk);
  const char* codes = static_cast<const char*>(job.tokens->codes);
  for (int64_t b = begin * job.tokens->code_bytes; b < end * job.tokens->code_bytes; b += 64) {
    __builtin_prefetch(codes + b);
  }
  if (job.tokens->factors) {
    for (int64_t t = begin; t < end; t += 32) __builtin_prefetch(job.tokens->factors + t);
  }
  for (int64_t b = begin * job.residual_bytes; b < end * job.residual_bytes; b += 64) {
    __builtin_prefetch(job.tokens->residuals + b);
  }
}

#if defined(TARTAN_ISA_AVX2)

TARTAN_INLINE __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// The compiler would re-associate the sums, and then spill them.
#define TARTAN_IN_ORDER(x) __asm__("" : "+x"(x))

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

// Eight bytes, their high nibbles: 8 look-ups.
TARTAN_INLINE void add_high_word(const uint8_t* table, const uint8_t* bytes, __m256i& low, __m256i& high) {
  uint64_t word = (word_at(bytes) >> 1) & kNibbles;
  for (int i = 0; i < 2; i++) {
    const uint8_t* t = table + i * 2048;
    __m256i x = load(t + byte_of(word) * 8);
    x = _mm256_add_epi8(x, load(t + 32 + second_byte(word) * 8));
    TARTAN_IN_ORDER(x);
    word >>= 16;
    x = _mm256_add_epi8(x, load(t + 1024 + byte_of(word) * 8));
    TARTAN_IN_ORDER(x);
    x = _mm256_add_epi8(x, load(t + 1024 + 32 + second_byte(word) * 8));
    widen(x, low, high);
    word >>= 16;
  }
}

// The look-ups of n bytes of a residual row.
template <bool kHigh>
TARTAN_INLINE void look_up(const uint8_t* table, const uint8_t* bytes, int64_t n, __m256i& low,
                           __m256i& high) {
  __asm__(
      ""
      : "+r"(table));  // or the places of all entries are kept in memory, not as offsets from one register
  int64_t k = 0;
  if (kHigh) {
    for (; k < n; k += 8) add_high_word(table + k * 512, bytes + k, low, high);  // n is a multiple of 8
    return;
  }
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

// Raises the maxima [32] of the rows from r by the tokens of a chunk, whose x also go to `kept` [tokens,
// lanes] if it is not NULL. Tables that do not fit L1 are passed over in parts, each for all tokens of the
// chunk. kBytes are those of a residual row, or 0 for any number: knowing them saves a quarter of the time.
template <bool kScaled, bool kHigh, int64_t kBytes>
TARTAN_INLINE void raise_block(const Job& job, const Chunk& chunk, int64_t r, int16_t* top, int16_t* kept) {
  constexpr int64_t kWhole =
      kHigh ? 64 : 32;  // bytes of a residual row whose tables, 32 KiB, are looked up at once
  constexpr int64_t kPart = kWhole;
  const uint8_t* table = job.tables + r * job.head->groups * 16;
  const int64_t n = kBytes ? kBytes : job.residual_bytes;
  Sums sums[kChunk];
  int64_t done = 0;
  for (; n > kWhole && n - done > kPart; done += kPart) {
    const uint8_t* part = table + done * (kHigh ? 512 : 1024);
    for (int64_t i = 0; i < chunk.count; i++) {
      __m256i low = done > 0 ? sums[i].low : _mm256_setzero_si256();
      __m256i high = done > 0 ? sums[i].high : _mm256_setzero_si256();
      look_up<kHigh>(part, chunk.residuals + i * n + done, kPart, low, high);
      sums[i] = {low, high};
    }
  }
  const uint8_t* part = table + done * (kHigh ? 512 : 1024);
  const __m256i bias0 = load(job.bias + r);
  const __m256i bias1 = load(job.bias + r + 16);
  const __m128i shift = _mm_cvtsi32_si128(job.head->shift);
  __m256i top0 = load(top + r);
  __m256i top1 = load(top + r + 16);
  for (int64_t i = 0; i < chunk.count; i++) {
    __m256i low = done > 0 ? sums[i].low : _mm256_setzero_si256();
    __m256i high = done > 0 ? sums[i].high : _mm256_setzero_si256();
    look_up<kHigh>(part, chunk.residuals + i * n + done, n - done, low, high);
    low = _mm256_sub_epi16(low, _mm256_slli_epi16(high, 8));
    const __m256i factor = _mm256_set1_epi16(chunk.factor[i]);
    const int16_t* scores = chunk.scores[i] + r;
    const __m256i x0 = combine<kScaled>(_mm256_sub_epi16(low, bias0), load(scores), factor, shift);
    const __m256i x1 = combine<kScaled>(_mm256_sub_epi16(high, bias1), load(scores + 16), factor, shift);
    top0 = _mm256_max_epi16(top0, x0);
    top1 = _mm256_max_epi16(top1, x1);
    if (kept) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(kept + i * job.head->lanes + r), x0);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(kept + i * job.head->lanes + r + 16), x1);
    }
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(top + r), top0);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(top + r + 16), top1);
}

#else

template <bool kScaled, bool kHigh, int64_t kBytes>
void raise_block(const Job& job, const Chunk& chunk, int64_t r, int16_t* top, int16_t* kept) {
  const uint8_t* table = job.tables + r * job.head->groups * 16;
  for (int64_t i = 0; i < chunk.count; i++) {
    const uint8_t* bytes = chunk.residuals + i * job.residual_bytes;
    int32_t sums[kBlock] = {};
    for (int64_t g = 0; g < job.head->groups; g++) {
      const int nibble = kHigh ? bytes[g] >> 4 : bytes[g >> 1] >> ((g & 1) * 4) & 15;
      const uint8_t* entry = table + (g >> 1) * 1024 + nibble * 64 + (g & 1) * 32;
      for (int64_t k = 0; k < kBlock; k++) sums[k] += entry[k < 16 ? 2 * k : 2 * k - 31];
    }
    for (int64_t k = 0; k < kBlock; k++) {
      const int32_t a = (sums[k] - job.bias[r + k]) * (1 << job.head->shift);
      const int32_t score = chunk.scores[i][r + k];
      const int32_t x = kScaled ? saturate(score + multiply_high(a, chunk.factor[i]))
                                : multiply_high(saturate(score + a), chunk.factor[i]);
      if (x > top[r + k]) top[r + k] = static_cast<int16_t>(x);
      if (kept) kept[i * job.head->lanes + r + k] = static_cast<int16_t>(x);
    }
  }
}

#endif

using Raise = void (*)(const Job& job, const Chunk& chunk, int16_t* top, int16_t* kept);

template <bool kScaled, bool kHigh, int64_t kBytes>
void raise(const Job& job, const Chunk& chunk, int16_t* top, int16_t* kept) {
  for (int64_t r = 0; r < job.head->lanes; r += kBlock) {
    raise_block<kScaled, kHigh, kBytes>(job, chunk, r, top, kept);
  }
}

// Dimension 128 has kernels of its own.
template <bool kScaled>
Raise raise_of_bytes(int32_t nbits, int64_t bytes) {
  if (nbits == 8) return bytes == 128 ? raise<kScaled, true, 128> : raise<kScaled, true, 0>;
  switch (bytes) {
    case 16:
      return raise<kScaled, false, 16>;
    case 32:
      return raise<kScaled, false, 32>;
    case 48:
      return raise<kScaled, false, 48>;
    case 64:
      return raise<kScaled, false, 64>;
    default:
      return raise<kScaled, false, 0>;
  }
}

inline Raise raise_of(const tartan_codec* codec) {
  const int64_t bytes = static_cast<int64_t>(codec->dim) * codec->nbits / 8;
  return codec->form == TARTAN_SCALED ? raise_of_bytes<true>(codec->nbits, bytes)
                                      : raise_of_bytes<false>(codec->nbits, bytes);
}

TARTAN_INLINE Job job_of(const tartan_integer_query* query, const tartan_codec* codec,
                         const tartan_passages* tokens) {
  const void* block = query->block;
  const Head* head = head_of(block);
  const Layout place = layout_of(head);
  return {head,
          tokens,
          query->scores,
          query->centroids,
          static_cast<int64_t>(codec->dim) * codec->nbits / 8,
          at<int16_t>(block, place.bias),
          at<uint8_t>(block, place.tables)};
}

// The maxima [lanes] of a passage; false if a code is damaged.
TARTAN_INLINE bool raise_passage(const Job& job, Raise raise, int64_t begin, int64_t end, int16_t* top,
                                 int16_t* kept) {
  for (int64_t r = 0; r < job.head->lanes; r++) top[r] = kNone;
  for (int64_t t = begin; t < end; t += kChunk) {
    Chunk chunk;
    if (!read_chunk(job, t, smaller(kChunk, end - t), chunk)) return false;
    raise(job, chunk, top, kept ? kept + (t - begin) * job.head->lanes : nullptr);
  }
  return true;
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
