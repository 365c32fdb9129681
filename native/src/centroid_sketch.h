// The sketch of a set of centroids: an upper bound of their products with a row, in 8-bit integers.
//
// With an orthonormal basis B [head, dim] of most of the centroids' energy, and P the projection on the rest,
//   row . c = Br . Bc + Pr . Pc <= Br . Bc + |Pr| |Pc|          (Cauchy-Schwarz)
// which is one product of width = head + kRest, the norms of the rest being spread over kRest equal elements.
// If no such basis pays, head = width = dim, B is the identity and nothing is left. A row is scaled to 7 bits
// (q, of error dq), a centroid by one scale for all to 8 bits (k, of error dk), and
//   |q . k - scales * (row . c)'| <= |q| |dk| + |dq| |scale c'|
// where ' is the extended vector; both errors are measured, not estimated. Norms are chosen so that |q| |k| <
// 2^15: then, again by Cauchy-Schwarz, 16-bit sums may wrap on the way and still end right.
//
// Rounding. The products of B with unit rows are off by at most dim * 2^-24 each, sqrt(head) times that as a
// vector, and BB' from the identity by `skew`, which is measured: `slack` is added to the squared norms of
// the rest, and to the bound, and is more than the sum of these.
#ifndef TARTAN_CENTROID_SKETCH_H
#define TARTAN_CENTROID_SKETCH_H

#include "tile.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kRest = 4;      // elements that share the norm of the rest
constexpr int64_t kBasis = 96;    // the largest head that is not the identity
constexpr int64_t kLanes = 16;    // centroids of a panel
constexpr int64_t kGroup = 64;    // centroids that share a maximum
constexpr int64_t kOffset = 128;  // makes a centroid's element unsigned

// At the start of the sketch's memory; the basis in panels of 16 as for dot_tile, then the centroids follow.
struct Sketch {
  int32_t head;    // 0: there is none, the products are to be done in float
  int32_t width;   // a multiple of 4
  float scale;     // of the centroids
  float error;     // the largest |dk|
  float norm;      // the largest |k|
  float extended;  // the largest |c'|
  float largest;   // the largest |c|
  float slack;
  float padding[8];
};

TARTAN_INLINE int64_t padded_centroids(int64_t centroids) {
  return (centroids + kGroup - 1) / kGroup * kGroup;
}

// The bytes of a sketch of any head.
TARTAN_INLINE int64_t sketch_bytes(int64_t dim, int64_t centroids) {
  const int64_t widest = dim > kBasis + kRest ? dim : kBasis + kRest;
  return static_cast<int64_t>(sizeof(Sketch)) + kBasis * dim * 4 + padded_centroids(centroids) * widest;
}

TARTAN_INLINE const float* sketch_basis(const Sketch* s) { return reinterpret_cast<const float*>(s + 1); }

TARTAN_INLINE const uint8_t* sketch_panels(const Sketch* s, int64_t dim) {
  return reinterpret_cast<const uint8_t*>(sketch_basis(s) + kBasis * dim);
}

// An extended row in memory: whole vectors.
TARTAN_INLINE int64_t padded_width(const Sketch* s) { return (s->width + 7) / 8 * 8; }

// Where centroid i of a panel has its 4 bytes of a step of 64: so that packing two vectors of sums to 16 bits
// puts the centroids in order.
TARTAN_INLINE int64_t lane_of(int64_t i) { return (i >> 2 & 1) * 8 + (i & 3) + (i >> 3) * 4; }

// The norm of a row, in double: no float overflows it.
TARTAN_INLINE double row_norm(const float* x, int64_t dim) {
  double sum[4] = {0, 0, 0, 0};
  for (int64_t d = 0; d < dim; d += 4) {
    for (int64_t i = 0; i < 4; i++) sum[i] += static_cast<double>(x[d + i]) * x[d + i];
  }
  return __builtin_sqrt(sum[0] + sum[1] + sum[2] + sum[3]);
}

// The product that all codes are defined by.
TARTAN_INLINE float chain_dot(const float* a, const float* b, int64_t dim) {
  float s = 0;
  for (int64_t d = 0; d < dim; d++) s = __builtin_fmaf(a[d], b[d], s);
  return s;
}

// Extends up to 6 rows, times inverse, to width elements and zeros, padded_width apart.
TARTAN_INLINE void extend_rows(const Sketch& s, const float* basis, const float* const (&a)[6], int64_t count,
                               int64_t dim, const float* inverse, const float* norm, float* out) {
  const int64_t stride = padded_width(&s);
  if (s.head == dim) {
    for (int64_t t = 0; t < count; t++) {
      for (int64_t d = 0; d < dim; d++) out[t * stride + d] = a[t][d] * inverse[t];
    }
    return;
  }
  for (int64_t h = 0; h < s.head; h += 16) {
    Vec acc[6][2];
    dot_tile<2, 6>(basis + h * dim, a, dim, acc);
    for (int64_t t = 0; t < count; t++) {
      const Vec scale = vec_set(inverse[t]);
      vec_store(out + t * stride + h, vec_mul(acc[t][0], scale));
      vec_store(out + t * stride + h + 8, vec_mul(acc[t][1], scale));
    }
  }
  for (int64_t t = 0; t < count; t++) {
    float* row = out + t * stride;
    const float length = norm[t] * inverse[t];
    Vec squares = vec_set(0);
    for (int64_t d = 0; d < s.head; d += 8) {
      squares = vec_muladd(vec_load(row + d), vec_load(row + d), squares);
    }
    const float rest = length * length * (1 + s.slack) - vec_sum(squares);
    const float share = __builtin_sqrtf(rest > 0 ? rest / kRest : 0);
    for (int64_t d = s.head; d < stride; d++) row[d] = d < s.width ? share : 0;
  }
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
