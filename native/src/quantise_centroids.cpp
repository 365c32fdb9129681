// values[c, d] = 128 + round(steps * centroid[c, d]), with the steps that let the scores of unit-length query
// rows fit 16-bit sums; reach is the longest half row in steps.
//
// Shapes: centroid [K, dim], values uint8 [K, dim]. Once a snapshot; the loops are the compiler's.
#include "integer.h"

namespace tartan::TARTAN_ISA {
namespace {

// 216 * 216 leaves room for halves of unit rows with a cosine of 1 below 2^15, and spends the precision of
// the product evenly on both factors.
constexpr float kSteps = 216;

TARTAN_INLINE float finite(float x) { return x >= -2.0f && x <= 2.0f ? x : 0.0f; }

}  // namespace

int32_t quantise_centroids(const float* centroid, int64_t centroids, int32_t dim, uint8_t* values,
                           float* steps, float* reach) {
  float largest = 0;
  for (int64_t i = 0; i < centroids * dim; i++) {
    const float x = __builtin_fabsf(finite(centroid[i]));
    largest = x > largest ? x : largest;
  }
  const float scale = largest * kSteps > 127 ? 127 / largest : kSteps;
  int64_t longest = 0;
  for (int64_t c = 0; c < centroids; c++) {
    const float* row = centroid + c * dim;
    int32_t half[2] = {0, 0};
    for (int64_t d = 0; d < dim; d += 4) {
      for (int64_t k = 0; k < 4; k++) {
        const int32_t x = clamp(nearest(finite(row[d + k]) * scale), -127, 127);
        values[c * dim + d + k] = static_cast<uint8_t>(128 + x);
        half[k >> 1] += x * x;
      }
    }
    if (half[0] > longest) longest = half[0];
    if (half[1] > longest) longest = half[1];
  }
  *steps = scale;
  *reach = __builtin_sqrtf(static_cast<float>(longest));
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
