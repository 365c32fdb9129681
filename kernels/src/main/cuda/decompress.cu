// out[t] = a(t) * centroid[code[t]] + f(t) * weights[b(t)], with a and f of tartan_maxsim in tartan_cpu.h.
//
// A warp a token, a lane every 32nd dimension. Bytes a token: residual and code in order, dim * 4 of a centroid at random, dim * 4
// written.
#include "block.cuh"

TARTAN_KERNEL(tartan_decompress, 256, DecompressArguments) {
  const Codec& codec = arguments.codec;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 8 + warp();
  if (i >= arguments.n) return;
  const int64_t t = arguments.first + i;
  const int64_t code = code_of(arguments.passages, t, codec.count, arguments.status);
  if (code < 0) return;
  const View<const float> centroid = View<const float>(codec.centroids) + code * codec.dim;
  const View<const float> weights(codec.weights);
  const View<const uint8_t> residuals(arguments.passages.residuals);
  const int64_t row = t * (codec.dim * codec.nbits / 8);
  float share = 1;
  float factor;
  if (codec.form == kScaled) {
    factor = half_to_float(View<const uint16_t>(arguments.passages.factors)[t]);
  } else {
    double squares = 0;
    for (int d = lane(); d < codec.dim; d += kWarp) {
      const double x = static_cast<double>(centroid[d]) + weights[bucket_of(residuals, row, codec.nbits, d)];
      squares += x * x;
    }
    const double norm = sqrt(sum_of_warp(squares));
    share = factor = static_cast<float>(1 / (norm > 1e-12 ? norm : 1e-12));
  }
  for (int d = lane(); d < codec.dim; d += kWarp) {
    const float weight = weights[bucket_of(residuals, row, codec.nbits, d)] * factor;
    View<float>(arguments.out)[i * codec.dim + d] = fmaf(share, centroid[d], weight);
  }
}
