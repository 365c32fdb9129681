// out[i] = sum over r of max over the tokens t of candidate i of dot(values[r], row[t])
//
// Shapes: values [rows, dim], token rows [tokens, dim] float32 or float16. Lanes are query rows, as in
// maxsim.cpp; float16 tokens are widened twelve at a time into L1. dim * 4 or dim * 2 bytes a token, in
// order.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): 85 ns a token at dim 128, 32 rows, float32; portable 9600,
// fma in software.
#include "max_tile.h"

namespace tartan::TARTAN_ISA {
namespace {

void prepare_batch(const tartan_dense* tokens, int64_t t, float* widened, Batch& b) {
  const int64_t dim = tokens->dim;
  for (int64_t k = 0; k < b.count; k++) {
    if (tokens->value_bytes == 4) {
      b.a[k] = static_cast<const float*>(tokens->rows) + (t + k) * dim;
      continue;
    }
    const uint16_t* row = static_cast<const uint16_t*>(tokens->rows) + (t + k) * dim;
    for (int64_t d = 0; d < dim; d += 8) vec_store(widened + k * dim + d, vec_load_half(row + d));
    b.a[k] = widened + k * dim;
  }
  for (int64_t k = b.count; k < kBatch; k++) b.a[k] = b.a[b.count - 1];
}

}  // namespace

int32_t maxsim_dense(const tartan_query* query, const tartan_dense* tokens, const int32_t* candidates,
                     int64_t n, float* out) {
  if (n == 0) return TARTAN_OK;
  const int64_t dim = query->dim;
  const int64_t rows = query->rows;
  const RowGroups groups(rows, kWidest);
  const int64_t padded = groups.vectors * 8;
  const int64_t size = batch_size(groups);
  const Scratch scratch(static_cast<size_t>((padded + kBatch) * dim) * sizeof(float));
  if (!scratch.data) return TARTAN_NO_MEMORY;
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
      prepare_batch(tokens, t, scratch.floats() + padded * dim, b);
      raise_batch<false>(b, groups, scratch.floats(), dim, rows, top);
    }
    out[i] = begin < end ? sum_rows(top, rows) : -kInfinity;
  }
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
