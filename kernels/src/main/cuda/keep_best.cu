// The `keep` best of each query's candidates, best first; ties to the lower passage; NaN and -infinity are dropped.
//
// A block a query. A key holds the score above and the complement of the passage below, so that the greatest keys are the answer
// (select.cuh). Bytes: 8 a candidate, eight to nine times, from L2.
#include "select.cuh"

struct CandidateKeys {
  View<const int32_t> passages;
  View<const float> scores;
  TARTAN_METHOD uint64_t operator()(int64_t i) const {
    const uint64_t score = key_of(scores[i]);
    return score == 0 ? 0 : score << 32 | static_cast<uint32_t>(~passages[i]);
  }
};

TARTAN_KERNEL(tartan_keep_best, 1024, KeepBestArguments) {
  TARTAN_SHARED(int32_t, bins, kBins);
  TARTAN_SHARED(int64_t, choice, 2);
  const int q = blockIdx.x;
  const CandidateKeys keys = {View<const int32_t>(arguments.in.passages) + q * arguments.in.capacity,
                              View<const float>(arguments.in.scores) + q * arguments.in.capacity};
  const View<uint64_t> best = View<uint64_t>(arguments.scratch) + q * arguments.padded;
  const int64_t kept = select_keys(keys, View<const int64_t>(arguments.in.counts)[q], arguments.keep, best,
                                   arguments.padded, {bins, choice});
  for (int64_t i = threadIdx.x; i < kept; i += blockDim.x) {
    const uint64_t key = best[i];
    View<int32_t>(arguments.passages)[q * arguments.capacity + i] =
        static_cast<int32_t>(~static_cast<uint32_t>(key));
    View<float>(arguments.scores)[q * arguments.capacity + i] = score_of(static_cast<uint32_t>(key >> 32));
  }
  if (threadIdx.x == 0) View<int64_t>(arguments.counts)[q] = kept;
}
