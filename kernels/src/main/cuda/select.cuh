// The greatest keys of an array by one block, in three steps that work for any number of keys:
//   threshold: radix select, eight bits a pass, a histogram of 256 counters in shared memory
//   gather:    what is above the threshold, and as many equal to it as are still wanted
//   sort:      bitonic, in shared memory up to 2,048 keys
// Keys are unsigned and 0 stands for "never".
#ifndef TARTAN_SELECT_CUH
#define TARTAN_SELECT_CUH

#include "tartan.cuh"

constexpr int kBins = 256;

// Orders as the float does; 0 for NaN and -infinity. -0 counts as 0.
TARTAN_DEVICE uint32_t key_of(float x) {
  if (!(x > -infinity())) return 0;
  const uint32_t bits = bits_of(x == 0 ? 0.0f : x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

TARTAN_DEVICE float score_of(uint32_t key) { return float_of(key & 0x80000000u ? key ^ 0x80000000u : ~key); }

// For each thread how many threads of the block before it, and in all, say `yes`. `totals`: 33 counters.
struct Rank {
  int32_t before;
  int32_t all;
};

TARTAN_DEVICE Rank rank_in_block(bool yes, View<int32_t> totals) {
  const uint32_t votes = ballot(yes);
  if (lane() == 0) totals[warp()] = count_bits(votes);
  sync_block();
  Rank rank = {count_bits(votes & ((1u << lane()) - 1)), 0};
  const int warps = blockDim.x / kWarp;
  for (int w = 0; w < warps; w++) {
    const int32_t count = totals[w];
    if (w < warp()) rank.before += count;
    rank.all += count;
  }
  sync_block();
  return rank;
}

template <class Key>
struct Threshold {
  Key key;        // what is above is taken
  int64_t equal;  // and of those equal to it so many
  int64_t taken;  // in all
};

// Room of a block: kBins counters, and two words that all threads read.
struct SelectRoom {
  View<int32_t> bins;
  View<int64_t> choice;
};

// Of n keys, key(i), the threshold of the `keep` greatest that are not 0. The block has at least kBins threads.
template <class Key, class KeyOf>
TARTAN_DEVICE Threshold<Key> threshold_of(const KeyOf& key, int64_t n, int64_t keep, const SelectRoom& room) {
  Key prefix = 0;
  int64_t wanted = keep;
  int64_t taken = 0;
  for (int shift = sizeof(Key) * 8 - 8; shift >= 0; shift -= 8) {
    if (threadIdx.x < kBins) room.bins[threadIdx.x] = 0;
    sync_block();
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      const Key k = key(i);
      const bool fits =
          shift + 8 >= static_cast<int>(sizeof(Key)) * 8 || k >> (shift + 8) == prefix >> (shift + 8);
      if (k != 0 && fits) atomic_add(room.bins, static_cast<int64_t>(k >> shift & 255), 1);
    }
    sync_block();
    // Keys in the bins from this one up, by doubling steps.
    int32_t above = threadIdx.x < kBins ? static_cast<int32_t>(room.bins[threadIdx.x]) : 0;
    for (int step = 1; step < kBins; step *= 2) {
      const int other = threadIdx.x + step;
      const int32_t more = other < kBins ? static_cast<int32_t>(room.bins[other]) : 0;
      sync_block();
      above += more;
      if (threadIdx.x < kBins) room.bins[threadIdx.x] = above;
      sync_block();
    }
    if (shift == static_cast<int>(sizeof(Key)) * 8 - 8) {
      const int64_t valid = room.bins[0];
      if (valid <= wanted) {  // no more than wanted
        sync_block();
        return {0, 0, valid};
      }
    }
    if (threadIdx.x < kBins) {
      const int32_t beyond = threadIdx.x + 1 < kBins ? static_cast<int32_t>(room.bins[threadIdx.x + 1]) : 0;
      if (above >= wanted && beyond < wanted) {
        room.choice[0] = threadIdx.x;
        room.choice[1] = beyond;
      }
    }
    sync_block();
    prefix |= static_cast<Key>(static_cast<int64_t>(room.choice[0])) << shift;
    wanted -= room.choice[1];
    taken += room.choice[1];
    sync_block();
  }
  return {prefix, wanted, taken + wanted};
}

// Sorts n = 2^m keys, the greatest first.
TARTAN_DEVICE void sort_keys(View<uint64_t> keys, int64_t n) {
  for (int64_t size = 2; size <= n; size *= 2) {
    for (int64_t step = size / 2; step > 0; step /= 2) {
      sync_block();
      for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
        const int64_t other = i ^ step;
        if (other < i) continue;
        const uint64_t a = keys[i];
        const uint64_t b = keys[other];
        if ((a < b) == ((i & size) == 0)) {
          keys[i] = b;
          keys[other] = a;
        }
      }
    }
  }
  sync_block();
}

// The `keep` greatest of n keys, best first, to `out`, which has `padded` = 2^m >= keep places; returns how many there are.
template <class KeyOf>
TARTAN_DEVICE int64_t select_keys(const KeyOf& key, int64_t n, int64_t keep, View<uint64_t> out,
                                  int64_t padded, const SelectRoom& room) {
  if (keep == 0) return 0;
  const Threshold<uint64_t> threshold = threshold_of<uint64_t>(key, n, keep, room);
  for (int64_t i = threadIdx.x; i < padded; i += blockDim.x) out[i] = 0;
  if (threadIdx.x == 0) room.choice[0] = 0, room.choice[1] = 0;
  sync_block();
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const uint64_t k = key(i);
    const bool above = k > threshold.key;
    const bool equal = k != 0 && k == threshold.key;
    if (!above && !(equal && atomic_add(room.choice, 1, static_cast<int64_t>(1)) < threshold.equal)) continue;
    out[atomic_add(room.choice, 0, static_cast<int64_t>(1))] = k;
  }
  sort_keys(out, padded);
  return threshold.taken;
}

#endif
