// out[i] = unit * sum over rows r of max over the tokens of candidate i, with best[code] * unit >= threshold, of scores[code, r];
// -infinity if there is none.
//
// A warp a candidate, a lane a query row. Bytes a token: its code in order, lanes * 2 of scores and 2 of best at random, which
// L2 holds for up to some hundred thousand centroids.
#include "block.cuh"

TARTAN_KERNEL(tartan_approximate_scores, 256, ApproximateScoresArguments) {
  const int q = blockIdx.y;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 8 + warp();
  if (i >= View<const int64_t>(arguments.candidates.counts)[q]) return;
  const int64_t at = q * arguments.candidates.capacity + i;
  const TokenRange tokens =
      tokens_of(arguments.passages.offsets, arguments.passages.count,
                View<const int32_t>(arguments.candidates.passages)[at], arguments.status);
  const Block block = block_of(arguments.integers, q);
  const int lanes = block.head.lanes;
  const View<int16_t> scores = scores_of(arguments.integers, q);
  const View<int16_t> best = View<int16_t>(arguments.integers.best) + q * arguments.integers.count;
  const float least = ceilf(arguments.threshold / block.head.score_unit);
  int32_t sum = 0;
  bool any = false;
  for (int r = lane(); r < lanes; r += kWarp) {
    int32_t top = -32768;
    for (int64_t t = tokens.first; t < tokens.last; t++) {
      const int64_t code = code_of(arguments.passages, t, arguments.integers.count, arguments.status);
      if (code < 0 || !(static_cast<float>(best[code]) >= least)) continue;
      any = true;
      top = greater(top, static_cast<int32_t>(scores[code * lanes + r]));
    }
    if (r < block.head.rows) sum += top;
  }
  sum = sum_of_warp(sum);
  if (lane() == 0) {
    View<float>(arguments.candidates.scores)[at] =
        any ? static_cast<float>(sum) * block.head.score_unit : -infinity();
  }
}
