// The keep best of n scored passages in the order they came; ties to the earlier. What stages between others
// need: their passages stay ascending, so that memory is walked forwards, and nothing is sorted.
//
// Scores map to unsigned integers in their order. The least kept is found by counting: the range it lies in
// is cut into 2048 parts, over and over, till it is one value. Two counts suffice as a rule, each reading 4
// bytes a passage; the last pass reads 8 and writes 8 of those kept.
#include "isa.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int kParts = 2048;

// Greater for greater scores, equal for 0 and -0; 0 for NaN and -infinity.
TARTAN_INLINE uint32_t key_of(float score) {
  uint32_t bits;
  const float positive_zero = score + 0.0f;
  memcpy(&bits, &positive_zero, sizeof bits);
  const uint32_t key = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return score > -kInfinity ? key : 0;
}

struct Least {
  uint32_t key;   // of the worst score kept
  int64_t equal;  // how many of that score are kept
};

// The keep-th greatest key of those that are not 0, of which there are more than keep.
Least least_kept(const float* scores, int64_t n, int64_t keep, uint32_t low, uint32_t high) {
  for (;;) {
    int shift = 0;
    while ((high - low) >> shift >= static_cast<uint32_t>(kParts)) shift++;
    int64_t counts[kParts] = {};
    for (int64_t i = 0; i < n; i++) {
      const uint32_t key = key_of(scores[i]);
      if (key >= low && key <= high) counts[(key - low) >> shift]++;
    }
    int64_t part = static_cast<int64_t>((high - low) >> shift);
    while (counts[part] < keep) keep -= counts[part--];
    if (shift == 0) return {low + static_cast<uint32_t>(part), keep};
    low += static_cast<uint32_t>(part) << shift;
    const uint32_t end = low + ((1u << shift) - 1);
    if (end < high) high = end;
  }
}

}  // namespace

int32_t cut(const int32_t* passages, const float* scores, int64_t n, int64_t keep, int32_t* out_passages,
            float* out_scores, int64_t* count) {
  uint32_t low = 0xffffffffu;
  uint32_t high = 0;
  int64_t able = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t key = key_of(scores[i]);
    low = key < low && key != 0 ? key : low;
    high = key > high ? key : high;
    able += key != 0;
  }
  *count = 0;
  if (able == 0 || keep == 0) return TARTAN_OK;
  Least least = {1, 0};
  if (able > keep) least = least_kept(scores, n, keep, low, high);
  const int64_t all = smaller(able, keep);
  int64_t written = 0;
  for (int64_t i = 0; i < n && written < all; i++) {
    const uint32_t key = key_of(scores[i]);
    if (key < least.key || (key == least.key && least.equal-- <= 0)) continue;
    out_passages[written] = passages[i];
    out_scores[written++] = scores[i];
  }
  *count = written;
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
