// The `keep` best of each query that has more, in their order; ties to the earlier; NaN and -infinity are dropped. A query that
// has no more keeps all.
//
// A block a query: the threshold of the scores (select.cuh), then the candidates above it move up, 1,024 at a time. Bytes: 4 a
// candidate four times, 8 once.
#include "select.cuh"

struct ScoreKeys {
  View<const float> scores;
  TARTAN_METHOD uint32_t operator()(int64_t i) const { return key_of(scores[i]); }
};

TARTAN_KERNEL(tartan_cut, 1024, KeepBestArguments) {
  TARTAN_SHARED(int32_t, bins, kBins);
  TARTAN_SHARED(int64_t, choice, 2);
  TARTAN_SHARED(int32_t, totals, kWarp);
  const int q = blockIdx.x;
  const View<const int32_t> passages = View<const int32_t>(arguments.in.passages) + q * arguments.in.capacity;
  const View<const float> scores = View<const float>(arguments.in.scores) + q * arguments.in.capacity;
  const View<int32_t> out = View<int32_t>(arguments.passages) + q * arguments.capacity;
  const View<float> out_scores = View<float>(arguments.scores) + q * arguments.capacity;
  const int64_t n = View<const int64_t>(arguments.in.counts)[q];
  const bool all = n <= arguments.keep;
  Threshold<uint32_t> threshold = {0, 0, 0};
  if (!all && arguments.keep > 0)
    threshold = threshold_of<uint32_t>(ScoreKeys{scores}, n, arguments.keep, {bins, choice});
  int64_t equal = 0;
  int64_t taken = 0;
  for (int64_t first = 0; first < n && (all || arguments.keep > 0); first += blockDim.x) {
    const int64_t i = first + threadIdx.x;
    const uint32_t key = i < n ? key_of(scores[i]) : 0;
    const bool ties = key != 0 && key == threshold.key;
    const Rank tie = rank_in_block(ties, totals);
    const bool take = i < n && (all || key > threshold.key || (ties && equal + tie.before < threshold.equal));
    const Rank place = rank_in_block(take, totals);
    if (take) {
      out[taken + place.before] = passages[i];
      out_scores[taken + place.before] = scores[i];
    }
    equal += tie.all;
    taken += place.all;
  }
  if (threadIdx.x == 0) View<int64_t>(arguments.counts)[q] = taken;
}
