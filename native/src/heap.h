// A bounded selection of the best entries in a total order: higher score first, ties to the lower number.
// The entries are a heap with the worst at the root, in two arrays that the caller owns. NaN must not enter.
#ifndef TARTAN_HEAP_H
#define TARTAN_HEAP_H

#include "isa.h"

namespace tartan::TARTAN_ISA {
namespace {

struct Heap {
  float* score;
  int32_t* number;
  int64_t size;
};

TARTAN_INLINE bool worse(float a_score, int32_t a, float b_score, int32_t b) {
  return a_score < b_score || (a_score == b_score && a > b);
}

// Puts an entry at the root of the first `size` entries and lets it sink.
TARTAN_INLINE void heap_sink(const Heap& h, int64_t size, float score, int32_t number) {
  int64_t at = 0;
  for (;;) {
    int64_t child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && worse(h.score[child + 1], h.number[child + 1], h.score[child], h.number[child])) {
      child++;
    }
    if (!worse(h.score[child], h.number[child], score, number)) break;
    h.score[at] = h.score[child];
    h.number[at] = h.number[child];
    at = child;
  }
  h.score[at] = score;
  h.number[at] = number;
}

TARTAN_INLINE void heap_push(Heap& h, float score, int32_t number) {
  int64_t at = h.size++;
  while (at > 0) {
    const int64_t parent = (at - 1) / 2;
    if (!worse(score, number, h.score[parent], h.number[parent])) break;
    h.score[at] = h.score[parent];
    h.number[at] = h.number[parent];
    at = parent;
  }
  h.score[at] = score;
  h.number[at] = number;
}

// Offers an entry to a heap that keeps at most `limit`.
TARTAN_INLINE void heap_offer(Heap& h, int64_t limit, float score, int32_t number) {
  if (h.size < limit) {
    heap_push(h, score, number);
  } else if (worse(h.score[0], h.number[0], score, number)) {
    heap_sink(h, h.size, score, number);
  }
}

// Orders the entries best first; the heap is spent.
[[maybe_unused]] void heap_sort(const Heap& h) {
  for (int64_t end = h.size - 1; end > 0; end--) {
    const float score = h.score[end];
    const int32_t number = h.number[end];
    h.score[end] = h.score[0];
    h.number[end] = h.number[0];
    heap_sink(h, end, score, number);
  }
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
