// The keep best of n scored passages, best first: score descending, ties to the lower passage number.
//
// Lanes are passages: 8 scores at a time are compared with the worst kept, and only those that may enter
// reach the heap, which lives in the output arrays. 8 bytes a passage read.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): 5.6 ns a passage for 1024 of 100000; portable 6.2.
#include "heap.h"
#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

TARTAN_INLINE void offer(Heap& heap, int64_t keep, float score, int32_t passage) {
  if (score > -kInfinity) heap_offer(heap, keep, score, passage);
}

}  // namespace

int32_t keep_best(const int32_t* passages, const float* scores, int64_t n, int64_t keep,
                  int32_t* out_passages, float* out_scores, int64_t* count) {
  Heap heap = {out_scores, out_passages, 0};
  *count = 0;
  if (keep == 0) return TARTAN_OK;
  int64_t i = 0;
  while (i < n && heap.size < keep) {
    offer(heap, keep, scores[i], passages[i]);
    i++;
  }
  for (; i + 8 <= n; i += 8) {
    // >= because a tie with a lower passage number enters.
    uint32_t lanes = vec_ge(vec_load(scores + i), vec_set(heap.score[0]));
    for (; lanes; lanes &= lanes - 1) {
      const int64_t k = i + __builtin_ctz(lanes);
      offer(heap, keep, scores[k], passages[k]);
    }
  }
  for (; i < n; i++) offer(heap, keep, scores[i], passages[i]);
  heap_sort(heap);
  *count = heap.size;
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
