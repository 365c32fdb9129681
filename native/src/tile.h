// The register tile shared by the matrix products, and the packing that feeds it.
//
// A panel holds V * 8 rows of one matrix transposed to [dim][V * 8]; the tile takes T rows of the other
// matrix and computes acc[t][lane] as one fma chain over d, so an element's bits depend on its two rows
// alone. With T * V = 12 accumulators the two FMA pipes are covered (latency 5, 2 a cycle) within 16
// registers, and a step has V + T loads for its 12 fma.
#ifndef TARTAN_TILE_H
#define TARTAN_TILE_H

#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

template <int V, int T, bool kExact = true>
TARTAN_INLINE void dot_tile(const float* panel, const float* const* a, int64_t dim, Vec (&acc)[T][V]) {
  const float* p[T];
  for (int t = 0; t < T; t++) {
    p[t] = a[t];
    for (int v = 0; v < V; v++) acc[t][v] = vec_set(0);
  }
  for (int64_t d = 0; d < dim; d++) {
    Vec q[V];
    for (int v = 0; v < V; v++) q[v] = vec_load(panel + (d * V + v) * 8);
    for (int t = 0; t < T; t++) {
      const Vec b = vec_broadcast(p[t] + d);
      for (int v = 0; v < V; v++) {
        acc[t][v] = kExact ? vec_fma(b, q[v], acc[t][v]) : vec_muladd(b, q[v], acc[t][v]);
      }
    }
  }
}

// Transposes n of `width` rows to [dim][width]; the lanes beyond n hold `fill`.
inline void pack_panel(const float* rows, int64_t n, int64_t dim, int64_t width, float fill, float* panel) {
  for (int64_t i = 0; i < width; i++) {
    for (int64_t d = 0; d < dim; d++) panel[d * width + i] = i < n ? rows[i * dim + d] : fill;
  }
}

// The rows of a query cut into groups of at most `widest` vectors, of equal width or one vector apart.
struct RowGroups {
  RowGroups(int64_t rows, int64_t widest) : vectors((rows + 7) / 8), count((vectors + widest - 1) / widest) {}
  int64_t width(int64_t group) const { return vectors / count + (group < vectors % count ? 1 : 0); }
  int64_t vectors;
  int64_t count;
};

// Packs the rows of a query as one panel per group; the panel of the group from row r is at panels + r * dim.
[[maybe_unused]] void pack_query(const tartan_query* query, const RowGroups& groups, float* panels) {
  int64_t row = 0;
  for (int64_t g = 0; g < groups.count; g++) {
    const int64_t width = groups.width(g) * 8;
    pack_panel(query->values + row * query->dim, query->rows - row, query->dim, width, 0,
               panels + row * query->dim);
    row += width;
  }
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
