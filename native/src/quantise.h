// What the makers of a query's block share.
#ifndef TARTAN_QUANTISE_H
#define TARTAN_QUANTISE_H

#include "integer.h"
#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

TARTAN_INLINE float cleaned(float x) { return x >= -1e18f && x <= 1e18f ? x : 0.0f; }

TARTAN_INLINE Vec vec_abs(Vec x) { return vec_max(x, vec_sub(vec_set(0), x)); }

// The greatest factor that is represented: beyond it a token would have to lie farther from its centroid than
// any unit vector does.
float factor_limit(const tartan_codec* codec) {
  double squares = 0;
  const int n = 1 << codec->nbits;
  for (int i = 0; i < n; i++) squares += static_cast<double>(codec->weights[i]) * codec->weights[i];
  return squares > 0 ? static_cast<float>(2 / __builtin_sqrt(squares / n * codec->dim)) : 1.0f;
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
