// out[i] = unit * sum over r of max over the unpruned tokens t of candidate i of scores[code[t], r].
//
// Shapes: scores int16 [K, lanes], best int16 [K]. Lanes are query rows. The codes of up to 128 tokens are
// checked and pruned first, their score rows prefetched, and then 32 query rows at a time keep their running
// maxima in two registers over those tokens. lanes * 2 bytes of scores a token, 2 or 4 of code and 2 of best.
#include "integer.h"

#if defined(TARTAN_ISA_AVX2)
#include <immintrin.h>
#endif

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kTokens = 128;
constexpr int64_t kAhead = 6;  // candidates between the fetch of codes and their use
constexpr int64_t kLines = 4;  // of codes fetched ahead; the processor goes on by itself

struct Job {
  const Head* head;
  const int16_t* scores;
  const int16_t* best;
  int64_t centroids;
  const tartan_passages* tokens;
  int32_t threshold;
};

// Raises the maxima of 32 rows by n rows of scores.
TARTAN_INLINE void raise_block(const int16_t* const* scores, int64_t n, int64_t r, int16_t* top) {
#if defined(TARTAN_ISA_AVX512)
  __m512i a = _mm512_loadu_si512(top + r);
  for (int64_t i = 0; i < n; i++) a = _mm512_max_epi16(a, _mm512_loadu_si512(scores[i] + r));
  _mm512_storeu_si512(top + r, a);
#elif defined(TARTAN_ISA_AVX2)
  __m256i* out = reinterpret_cast<__m256i*>(top + r);
  __m256i a = _mm256_loadu_si256(out);
  __m256i b = _mm256_loadu_si256(out + 1);
  for (int64_t i = 0; i < n; i++) {
    const __m256i* s = reinterpret_cast<const __m256i*>(scores[i] + r);
    a = _mm256_max_epi16(a, _mm256_loadu_si256(s));
    b = _mm256_max_epi16(b, _mm256_loadu_si256(s + 1));
  }
  _mm256_storeu_si256(out, a);
  _mm256_storeu_si256(out + 1, b);
#else
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = r; k < r + kBlock; k++) top[k] = scores[i][k] > top[k] ? scores[i][k] : top[k];
  }
#endif
}

// Lists the score rows of the tokens in [begin, end) that pass; -1 if a code is damaged.
TARTAN_INLINE int64_t passing(const Job& job, int64_t begin, int64_t end, const int16_t** rows) {
  int64_t n = 0;
  for (int64_t t = begin; t < end; t++) {
    const int64_t code = code_at(job.tokens, t);
    if (!within(code, job.centroids)) return -1;
    rows[n] = job.scores + code * job.head->lanes;
    n += job.best[code] >= job.threshold;
  }
  for (int64_t i = 0; i < n; i++) {
    for (int64_t r = 0; r < job.head->lanes; r += kBlock) __builtin_prefetch(rows[i] + r);
  }
  return n;
}

// The threshold in steps of a score: no score below it passes.
int32_t steps_of(float threshold, float unit) {
  const float steps = __builtin_ceilf(threshold / unit);
  return steps >= -32767.0f ? (steps <= 32767.0f ? static_cast<int32_t>(steps) : 32768) : -32768;
}

// Passages lie anywhere in memory: fetches the places of one that comes later, and the codes of one that
// comes sooner.
TARTAN_INLINE void prefetch_ahead(const tartan_passages* tokens, const int32_t* candidates, int64_t i,
                                  int64_t n) {
  if (i + 2 * kAhead < n && within(candidates[i + 2 * kAhead], tokens->passages)) {
    __builtin_prefetch(tokens->offsets + candidates[i + 2 * kAhead]);
  }
  if (i + kAhead < n && within(candidates[i + kAhead], tokens->passages)) {
    const int64_t* place = tokens->offsets + candidates[i + kAhead];
    const char* codes = static_cast<const char*>(tokens->codes);
    const int64_t begin = place[0] * tokens->code_bytes;
    const int64_t end = smaller(place[1] * tokens->code_bytes, begin + kLines * 64);
    for (int64_t at = begin; at < end; at += 64) __builtin_prefetch(codes + at);
  }
}

}  // namespace

int32_t approximate_scores(const tartan_integer_query* query, const tartan_passages* tokens, float threshold,
                           const int32_t* candidates, int64_t n, float* out) {
  const Head* head = head_of(query->block);
  const Job job = {
      head, query->scores, query->best, query->centroids, tokens, steps_of(threshold, head->score_unit)};
  for (int64_t i = 0; i < n; i++) {
    if (!within(candidates[i], tokens->passages)) return TARTAN_BAD_PASSAGE;
    prefetch_ahead(tokens, candidates, i, n);
    const int64_t end = tokens->offsets[candidates[i] + 1];
    int16_t top[256];
    int64_t passed = 0;
    for (int64_t r = 0; r < head->lanes; r++) top[r] = kNone;
    for (int64_t t = tokens->offsets[candidates[i]]; t < end; t += kTokens) {
      const int16_t* rows[kTokens + 1];
      const int64_t some = passing(job, t, smaller(t + kTokens, end), rows);
      if (some < 0) return TARTAN_BAD_CODE;
      passed += some;
      for (int64_t r = 0; r < head->lanes; r += kBlock) raise_block(rows, some, r, top);
    }
    int32_t sum = 0;
    for (int64_t r = 0; r < head->rows; r++) sum += top[r];
    out[i] = passed > 0 ? static_cast<float>(sum) * head->score_unit : -kInfinity;
  }
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
