// values[i] = 128 + round(steps * centroid[i]) with steps = 216, or 127 / max |centroid| if that is less.
//
// Shapes: centroids float [K, dim], values uint8 [K, dim]. First a pass for the greatest magnitude, as bits, which order like
// the magnitudes themselves; then a warp a centroid. What no centroid should have (NaN, beyond 2) counts as zero.
#include "tartan.cuh"

TARTAN_DEVICE float sane(float x) { return fabsf(x) <= 2 ? x : 0; }

TARTAN_KERNEL(tartan_measure_centroids, 256, QuantiseCentroidsArguments) {
  const View<const float> centroids(arguments.centroids);
  const int64_t n = arguments.count * arguments.dim;
  uint32_t largest = 0;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x; i < n;
       i += static_cast<int64_t>(gridDim.x) * 256) {
    largest = greater(largest, bits_of(fabsf(sane(centroids[i]))));
  }
  for (int mask = kWarp / 2; mask > 0; mask /= 2) largest = greater(largest, shuffle_xor(largest, mask));
  if (lane() == 0) atomic_max(View<uint32_t>(arguments.largest), 0, largest);
}

TARTAN_KERNEL(tartan_quantise_centroids, 256, QuantiseCentroidsArguments) {
  const View<const float> centroids(arguments.centroids);
  const View<uint8_t> values(arguments.values);
  const float largest = float_of(View<const uint32_t>(arguments.largest)[0]);
  const float steps = largest * 216 > 127 ? 127 / largest : 216.0f;
  for (int64_t c = static_cast<int64_t>(blockIdx.x) * 8 + warp(); c < arguments.count;
       c += static_cast<int64_t>(gridDim.x) * 8) {
    uint32_t half[2] = {0, 0};
    for (int d = lane(); d < arguments.dim; d += kWarp) {
      const int32_t x = clamp(nearest(sane(centroids[c * arguments.dim + d]) * steps), -127, 127);
      values[c * arguments.dim + d] = static_cast<uint8_t>(128 + x);
      half[d >> 1 & 1] += static_cast<uint32_t>(x * x);
    }
    half[0] = sum_of_warp(half[0]);
    half[1] = sum_of_warp(half[1]);
    if (lane() == 0) atomic_max(View<uint32_t>(arguments.longest), 0, greater(half[0], half[1]));
  }
}
