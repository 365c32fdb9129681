// Float MaxSim of passages that integers have chosen: out[i] as tartan_maxsim defines it.
//
// The integer x(r, t) of every token are computed first, and only those within the margin of a row's best,
// which is about 1.5 tokens a row, are reconstructed and multiplied in float. The margin is eight standard
// deviations of the integer error, so the float best is among them but for one case in 10^14.
#include "raise.h"
#include "residual.h"

#if defined(TARTAN_ISA_AVX512)
namespace tartan::avx2 {
int32_t rescore(const tartan_query* query, const tartan_integer_query* integers, const tartan_codec* codec,
                const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);
}
#endif

namespace tartan::TARTAN_ISA {
namespace {

TARTAN_INLINE float dot(const float* a, const float* b, int64_t dim) {
  Vec sum[4] = {vec_set(0), vec_set(0), vec_set(0), vec_set(0)};
  int64_t d = 0;
  for (; d + 32 <= dim; d += 32) {
    for (int k = 0; k < 4; k++) sum[k] = vec_muladd(vec_load(a + d + k * 8), vec_load(b + d + k * 8), sum[k]);
  }
  for (; d < dim; d += 8) sum[0] = vec_muladd(vec_load(a + d), vec_load(b + d), sum[0]);
  return vec_sum(vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3])));
}

// A bit for each of 32 rows whose x reaches its least.
TARTAN_INLINE uint32_t reaching(const int16_t* x, const int16_t* least) {
#if defined(TARTAN_ISA_AVX512)
  return _mm512_cmpge_epi16_mask(_mm512_loadu_si512(x), _mm512_loadu_si512(least));
#elif defined(TARTAN_ISA_AVX2)
  const __m256i a = _mm256_cmpgt_epi16(load(least), load(x));
  const __m256i b = _mm256_cmpgt_epi16(load(least + 16), load(x + 16));
  const __m256i below = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(below));
#else
  uint32_t bits = 0;
  for (int64_t k = 0; k < kBlock; k++) bits |= x[k] >= least[k] ? 1u << k : 0u;
  return bits;
#endif
}

// A token that may be the best of some of the 32 rows from `row` on: a bit for each.
struct Pick {
  int64_t token;
  int32_t row;
  uint32_t rows;
};

// Picks the tokens whose integers reach the least of some row. Their centroids lie anywhere in memory, and
// waiting for one after the other would take longer than all else: they are asked for here.
int64_t pick(const Job& job, const tartan_codec* codec, int64_t begin, int64_t end, const int16_t* least,
             const int16_t* kept, Pick* picks) {
  const int64_t lanes = job.head->lanes;
  int64_t n = 0;
  for (int64_t t = begin; t < end; t++) {
    for (int64_t r = 0; r < lanes; r += kBlock) {
      const uint32_t used = ~0u >> (r + kBlock > job.head->rows ? r + kBlock - job.head->rows : 0);
      const uint32_t rows = reaching(kept + (t - begin) * lanes + r, least + r) & used;
      if (!rows) continue;
      prefetch_floats(codec->centroid + code_at(job.tokens, t) * codec->dim, codec->dim);
      picks[n++] = {t, static_cast<int32_t>(r), rows};
    }
  }
  return n;
}

// Reconstructs the picked tokens and raises `best` [rows] by them.
template <int kBits>
void raise_exactly(const Job& job, const tartan_query* query, const tartan_codec* codec,
                   const WeightTable& table, const Pick* picks, int64_t n, float* row, float* best) {
  const int64_t dim = codec->dim;
  for (int64_t i = 0; i < n; i++) {
    const Pick& p = picks[i];
    if (i == 0 || p.token != picks[i - 1].token) reconstruct<kBits>(codec, job.tokens, p.token, table, row);
    for (uint32_t rows = p.rows; rows; rows &= rows - 1) {
      const int64_t k = p.row + __builtin_ctz(rows);
      const float sim = dot(query->values + k * dim, row, dim);
      best[k] = sim > best[k] ? sim : best[k];
    }
  }
}

template <int kBits>
int32_t rescore_all(const Job& job, const tartan_query* query, const tartan_codec* codec,
                    const int32_t* candidates, int64_t n, int64_t longest, float* out) {
  const int64_t lanes = job.head->lanes;
  const int64_t most = longest * lanes / kBlock;  // picks
  const Scratch scratch(static_cast<size_t>(most * static_cast<int64_t>(sizeof(Pick)) + longest * lanes * 2 +
                                            codec->dim * 4 + 64));
  if (!scratch.data) return TARTAN_NO_MEMORY;
  float* row = scratch.floats();
  Pick* picks = reinterpret_cast<Pick*>(row + codec->dim);
  int16_t* kept = reinterpret_cast<int16_t*>(picks + most);
  const WeightTable table(codec);
  const Raise raise = raise_of(codec);
  for (int64_t i = 0; i < n; i++) {
    const int64_t begin = job.tokens->offsets[candidates[i]];
    const int64_t end = job.tokens->offsets[candidates[i] + 1];
    if (i + 1 < n) prefetch_passage(job, candidates[i + 1]);
    int16_t top[256];
    float best[256];
    if (!raise_passage(job, raise, begin, end, top, kept)) return TARTAN_BAD_CODE;
    for (int64_t r = 0; r < lanes; r++) {
      top[r] = static_cast<int16_t>(saturate(top[r] - job.head->margin));
      best[r] = -kInfinity;
    }
    const int64_t picked = pick(job, codec, begin, end, top, kept, picks);
    raise_exactly<kBits>(job, query, codec, table, picks, picked, row, best);
    float sum = 0;
    for (int64_t r = 0; r < job.head->rows; r++) sum += best[r];
    out[i] = begin < end ? sum : -kInfinity;
  }
  return TARTAN_OK;
}

}  // namespace

int32_t rescore(const tartan_query* query, const tartan_integer_query* integers, const tartan_codec* codec,
                const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out) {
#if defined(TARTAN_ISA_AVX512)
  // Its look-ups take longer, as in integer_maxsim.cpp.
  if (codec->nbits <= 2) return avx2::rescore(query, integers, codec, tokens, candidates, n, out);
#endif
  const Job job = job_of(integers, codec, tokens);
  int64_t longest = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!within(candidates[i], tokens->passages)) return TARTAN_BAD_PASSAGE;
    const int64_t length = tokens->offsets[candidates[i] + 1] - tokens->offsets[candidates[i]];
    longest = length > longest ? length : longest;
  }
  switch (codec->nbits) {
    case 1:
      return rescore_all<1>(job, query, codec, candidates, n, longest, out);
    case 2:
      return rescore_all<2>(job, query, codec, candidates, n, longest, out);
    case 3:
      return rescore_all<3>(job, query, codec, candidates, n, longest, out);
    case 4:
      return rescore_all<4>(job, query, codec, candidates, n, longest, out);
    default:
      return rescore_all<8>(job, query, codec, candidates, n, longest, out);
  }
}

}  // namespace tartan::TARTAN_ISA
