// The MaxSim tile: similarities of up to 12 tokens with all query rows, folded into running maxima.
#ifndef TARTAN_MAX_TILE_H
#define TARTAN_MAX_TILE_H

#include "tile.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kBatch = 12;  // at most so many tokens at a time: whole tiles of every width
constexpr int64_t kWidest = 4;  // vectors of query rows in a tile

// One batch of token rows. a[t] beyond count repeats the last token, which leaves a maximum as it is.
// Compressed tokens: sim = share[t] * scores[t][r] + factor[t] * dot. Dense ones: sim = dot.
struct Batch {
  int64_t count;
  const float* a[kBatch];
  const float* scores[kBatch];
  float share[kBatch];
  float factor[16] = {};  // a whole number of vectors
};

// The tokens to prepare together. One tile's worth leaves L1 to the query, if one tile takes all query rows.
TARTAN_INLINE int64_t batch_size(const RowGroups& groups) {
  return groups.count == 1 ? kBatch / groups.vectors : kBatch;
}

TARTAN_INLINE void pad_batch(Batch& b) {
  for (int64_t t = b.count; t < kBatch; t++) {
    b.a[t] = b.a[b.count - 1];
    b.scores[t] = b.scores[b.count - 1];
    b.share[t] = b.share[b.count - 1];
    b.factor[t] = b.factor[b.count - 1];
  }
}

template <bool kCompressed, int V>
TARTAN_INLINE void raise_group(const Batch& b, const float* panel, int64_t dim, int64_t row, int64_t rows,
                               float* top) {
  constexpr int T = kBatch / V;
  for (int64_t t0 = 0; t0 < b.count; t0 += T) {
    Vec acc[T][V];
    dot_tile<V, T, !kCompressed>(panel, b.a + t0, dim, acc);
    for (int v = 0; v < V; v++) {
      const int64_t r = row + v * 8;
      Vec m = vec_load(top + r);
      for (int t = 0; t < T; t++) {
        Vec sim = acc[t][v];
        if (kCompressed) {
          const Vec score = vec_load_part(b.scores[t0 + t] + r, rows - r);
          sim = vec_muladd(vec_broadcast(b.factor + t0 + t), sim,
                           vec_mul(vec_broadcast(b.share + t0 + t), score));
        }
        m = vec_max_or_first(sim, m);
      }
      vec_store(top + r, m);
    }
  }
}

// Raises top [rows padded to 8], which starts as NaN for "none yet", by the tokens of a batch.
template <bool kCompressed>
TARTAN_INLINE void raise_batch(const Batch& b, const RowGroups& groups, const float* panels, int64_t dim,
                               int64_t rows, float* top) {
  int64_t row = 0;
  for (int64_t g = 0; g < groups.count; g++) {
    const float* panel = panels + row * dim;
    const int64_t width = groups.width(g);
    if (width == 4) {
      raise_group<kCompressed, 4>(b, panel, dim, row, rows, top);
    } else if (width == 3) {
      raise_group<kCompressed, 3>(b, panel, dim, row, rows, top);
    } else if (width == 2) {
      raise_group<kCompressed, 2>(b, panel, dim, row, rows, top);
    } else {
      raise_group<kCompressed, 1>(b, panel, dim, row, rows, top);
    }
    row += width * 8;
  }
}

TARTAN_INLINE float sum_rows(const float* top, int64_t rows) {
  float sum = 0;
  for (int64_t r = 0; r < rows; r++) sum += top[r];
  return sum;
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
