// sim(r, t) = a(t) * scores[code[t], r] + f(t) * sum over d of values[r, d] * weights[b(t, d)]
// out[i] = sum over r of max over the tokens t of candidate i of sim(r, t)
//
// Shapes: values [rows, dim], scores [K, rows]. Lanes are query rows: the query is packed once a call, and a
// tile is 32 rows by 3 tokens (24 by 4, 16 by 6, 8 by 12). A tile of tokens at a time (12 if the rows need
// several tiles) is expanded to float32 weights in L1, with their norms in the unit form, so that nothing
// decompressed reaches memory. A token reads dim * nbits / 8 + 2 or 4 + 2 bytes in order, and the scores of a
// centroid (rows * 4), in the unit form also the centroid (dim * 4), at random; they are prefetched a batch
// ahead.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): 120, 121, 133, 149 ns a token at 1, 2, 4, 8 bits, dim 128,
// 32 rows, in cache, of which the products alone take 85; portable 725.
#include "max_tile.h"
#include "residual.h"

namespace tartan::TARTAN_ISA {
namespace {

struct Job {
  const tartan_query* query;
  const tartan_codec* codec;
  const tartan_passages* tokens;
  const WeightTable& table;
  float* weights;  // [kBatch, dim]
};

void prefetch_batch(const Job& job, int64_t begin, int64_t size, int64_t end) {
  const int64_t last = smaller(begin + size, end);
  for (int64_t t = begin; t < last; t++) {
    const int64_t code = code_at(job.tokens, t);
    if (!within(code, job.codec->centroids)) return;
    if (job.codec->form == TARTAN_UNIT) {
      prefetch_floats(job.codec->centroid + code * job.codec->dim, job.codec->dim);
    }
    prefetch_floats(job.query->scores + code * job.query->rows, job.query->rows);
  }
}

// The first batch of the next candidate, which lies anywhere in the segment.
void prefetch_passage(const Job& job, int64_t passage, int64_t size) {
  if (!within(passage, job.tokens->passages)) return;
  const int64_t begin = job.tokens->offsets[passage];
  const int64_t end = job.tokens->offsets[passage + 1];
  if (begin < end)
    __builtin_prefetch(job.tokens->residuals + begin * (job.codec->dim * job.codec->nbits / 8));
  prefetch_batch(job, begin, size, end);
}

// Expands the tokens from t into the batch; false if a code is damaged.
template <int kBits, bool kUnit>
bool prepare_batch(const Job& job, int64_t t, Batch& b) {
  const int64_t dim = job.codec->dim;
  for (int64_t k = 0; k < b.count; k++) {
    const int64_t code = code_at(job.tokens, t + k);
    if (!within(code, job.codec->centroids)) return false;
    float* weights = job.weights + k * dim;
    b.a[k] = weights;
    b.scores[k] = job.query->scores + code * job.query->rows;
    const uint8_t* residual = job.tokens->residuals + (t + k) * (dim * kBits / 8);
    const float* centroid = job.codec->centroid + code * dim;
    if (kUnit) {
      b.factor[k] = expand_unit<kBits, false>(residual, centroid, dim, job.table, weights);
    } else {
      b.factor[k] = half_to_float(job.tokens->factors[t + k]);
      expand_scaled<kBits, false>(residual, centroid, b.factor[k], dim, job.table, weights);
    }
  }
  for (int64_t k = 0; kUnit && k < b.count; k += 8) {
    vec_store(b.factor + k, vec_inverse_norm(vec_load(b.factor + k)));
  }
  for (int64_t k = 0; k < b.count; k++) b.share[k] = kUnit ? b.factor[k] : 1.0f;
  pad_batch(b);
  return true;
}

using Prepare = bool (*)(const Job& job, int64_t t, Batch& b);

template <bool kUnit>
Prepare prepare_of(int32_t nbits) {
  switch (nbits) {
    case 1:
      return prepare_batch<1, kUnit>;
    case 2:
      return prepare_batch<2, kUnit>;
    case 3:
      return prepare_batch<3, kUnit>;
    case 4:
      return prepare_batch<4, kUnit>;
    default:
      return prepare_batch<8, kUnit>;
  }
}

}  // namespace

int32_t maxsim(const tartan_query* query, const tartan_codec* codec, const tartan_passages* tokens,
               const int32_t* candidates, int64_t n, float* out) {
  if (n == 0) return TARTAN_OK;
  const int64_t dim = query->dim;
  const int64_t rows = query->rows;
  const RowGroups groups(rows, kWidest);
  const int64_t padded = groups.vectors * 8;
  const int64_t size = batch_size(groups);
  const Scratch scratch(static_cast<size_t>((padded + kBatch) * dim) * sizeof(float));
  if (!scratch.data) return TARTAN_NO_MEMORY;
  const WeightTable table(codec);
  const Prepare prepare =
      codec->form == TARTAN_UNIT ? prepare_of<true>(codec->nbits) : prepare_of<false>(codec->nbits);
  const Job job = {query, codec, tokens, table, scratch.floats() + padded * dim};
  pack_query(query, groups, scratch.floats());
  for (int64_t i = 0; i < n; i++) {
    if (!within(candidates[i], tokens->passages)) return TARTAN_BAD_PASSAGE;
    const int64_t begin = tokens->offsets[candidates[i]];
    const int64_t end = tokens->offsets[candidates[i] + 1];
    float top[256];
    for (int64_t r = 0; r < padded; r++) top[r] = __builtin_nanf("");
    for (int64_t t = begin; t < end; t += size) {
      Batch b;
      b.count = smaller(size, end - t);
      if (!prepare(job, t, b)) return TARTAN_BAD_CODE;
      if (t + size < end) {
        prefetch_batch(job, t + size, size, end);
      } else if (i + 1 < n) {
        prefetch_passage(job, candidates[i + 1], size);
      }
      raise_batch<true>(b, groups, scratch.floats(), dim, rows, top);
    }
    out[i] = begin < end ? sum_rows(top, rows) : -kInfinity;
  }
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
