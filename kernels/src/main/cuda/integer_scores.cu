// scores[c, r] = round(scale[r] * sum over d of (grid[c, d] - 128) * values[r, d]), within +-32767; best[c] over r.
//
// Shapes: grid uint8 [K, dim], scores int16 [K, lanes], best int16 [K]. A warp a centroid, a lane a query row; four dimensions
// a dp4a. Bytes a centroid: dim read once, lanes * 2 + 2 written; values stay in L1.
#include "block.cuh"

TARTAN_KERNEL(tartan_integer_scores, 256, IntegerScoresArguments) {
  const int q = blockIdx.y;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * 8 + warp();
  if (c >= arguments.integers.count) return;
  const Block block = block_of(arguments.integers, q);
  const int lanes = block.head.lanes;
  const View<int16_t> scores = scores_of(arguments.integers, q) + c * lanes;
  const View<const uint8_t> centroid = View<const uint8_t>(arguments.grid) + c * arguments.dim;
  const View<int8_t> values = block.values();
  int32_t best = -32768;
  for (int r = lane(); r < lanes; r += kWarp) {
    int32_t sum = 0;
    for (int d = 0; d < arguments.dim; d += 4) {
      const int32_t four = load_as<int32_t>(centroid, d) ^ static_cast<int32_t>(0x80808080u);
      sum = dot_bytes(four, load_as<int32_t>(values, (d / 4 * lanes + r) * 4), sum);
    }
    const int32_t score = r < block.head.rows
                              ? clamp(nearest(static_cast<float>(sum) * block.scales()[r]), -32767, 32767)
                              : -32768;
    scores[r] = static_cast<int16_t>(score);
    best = greater(best, score);
  }
  for (int mask = kWarp / 2; mask > 0; mask /= 2) best = greater(best, shuffle_xor(best, mask));
  if (lane() == 0)
    View<int16_t>(arguments.integers.best)[q * arguments.integers.count + c] = static_cast<int16_t>(best);
}
