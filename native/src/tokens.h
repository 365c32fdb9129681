// The tokens of a passage as the integer kernels read them.
#ifndef TARTAN_TOKENS_H
#define TARTAN_TOKENS_H

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
  Layout place;
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
TARTAN_INLINE void store(void* p, __m256i x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
#endif

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
