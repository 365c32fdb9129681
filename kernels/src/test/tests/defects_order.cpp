// Seeded defects of order: missing barriers, divergent ones, races, endless loops.
#include "defects.h"
#include "tartan.cuh"

using defects::DefectArguments;
using defects::kBlock;
using defects::kBlocks;
using defects::kValues;

namespace {

int global_thread() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

}  // namespace

DEFECT_OR(no_barrier, "reads a neighbour's shared element without sync_block", kRace,
          "with no barrier between", kUnwritten, "reads what nobody has written") {
  TARTAN_SHARED(float, room, kBlock);
  room[threadIdx.x] = View<const float>(arguments.in)[global_thread()];
  if (!kBroken) sync_block();
  View<float>(arguments.out)[global_thread()] = room[(threadIdx.x + 40) % kBlock];
}

DEFECT(no_second_barrier, "overwrites a shared element that another thread may still read", kRace,
       "with no barrier between") {
  TARTAN_SHARED(float, room, kBlock);
  room[threadIdx.x] = 1;
  sync_block();
  const float x = room[kBlock - 1 - threadIdx.x];
  if (!kBroken) sync_block();
  room[threadIdx.x] = x + 1;
}

DEFECT_OR(no_warp_barrier, "reads a shared element of another lane without sync_warp", kRace,
          "with no barrier between", kUnwritten, "reads what nobody has written") {
  TARTAN_SHARED(float, room, kBlock);
  room[threadIdx.x] = View<const float>(arguments.in)[global_thread()];
  if (!kBroken) sync_warp();
  View<float>(arguments.out)[global_thread()] = room[threadIdx.x ^ 1];
}

DEFECT_OR(shuffle_as_barrier, "takes a shuffle for a barrier of shared memory", kRace,
          "with no barrier between", kUnwritten, "reads what nobody has written") {
  TARTAN_SHARED(float, room, kBlock);
  room[threadIdx.x] = 1;
  shuffle(1, 0);
  if (!kBroken) sync_warp();
  View<float>(arguments.out)[global_thread()] = room[threadIdx.x ^ 1];
}

DEFECT_OR(warp_barrier_for_block, "synchronises a warp where it reads what another warp wrote", kRace,
          "with no barrier between", kUnwritten, "reads what nobody has written") {
  TARTAN_SHARED(float, room, kBlock);
  room[threadIdx.x] = 1;
  if (kBroken) {
    sync_warp();
  } else {
    sync_block();
  }
  View<float>(arguments.out)[global_thread()] = room[threadIdx.x ^ kWarp];
}

DEFECT(bytes_of_word, "writes a byte beside one that another thread writes as a word", kRace,
       "with no barrier between") {
  TARTAN_SHARED(uint32_t, words, kBlock);
  const View<uint8_t> bytes(reinterpret_cast<uint8_t*>(words.p));
  words[threadIdx.x] = 0;
  if (!kBroken) sync_block();
  bytes[4 * ((threadIdx.x + 1) % kBlock) + 3] = 1;
}

DEFECT(divergent_barrier, "calls sync_block in a branch that not all threads take", kDivergence,
       "divergent barrier") {
  if (threadIdx.x < (kBroken ? 100 : kBlock)) sync_block();
  View<float>(arguments.out)[global_thread()] = 1;
}

DEFECT(left_before_barrier, "leaves the kernel before a sync_block of others", kDivergence,
       "is at the end of the kernel") {
  if (kBroken && threadIdx.x == 99) return;
  sync_block();
}

DEFECT(two_barriers, "waits at one sync_block while others wait at another", kDivergence,
       "divergent barrier") {
  if (kBroken && threadIdx.x < kBlock / 2) {
    sync_block();
  } else {
    sync_block();
  }
}

DEFECT(half_shuffle, "shuffles with half a warp", kDivergence, "divergent warp operation") {
  float x = static_cast<float>(threadIdx.x);
  if (!kBroken || lane() < 16) x = shuffle_xor(x, 1);
  View<float>(arguments.out)[global_thread()] = x;
}

DEFECT(two_operations, "votes with some lanes while others shuffle", kDivergence,
       "divergent warp operation") {
  uint32_t x = 0;
  if (kBroken && lane() == 3) {
    x = ballot(true);
  } else {
    x = shuffle(7u, 0);
  }
  View<float>(arguments.out)[global_thread()] = static_cast<float>(x);
}

DEFECT(partial_mma, "multiplies with 31 lanes, one being gone", kDivergence, "at mma in line") {
  const uint32_t a[4] = {}, b[2] = {};
  float d[4] = {};
  if (kBroken && threadIdx.x == 40) return;
  mma(d, a, b);
  View<float>(arguments.out)[global_thread()] = d[0];
}

DEFECT(block_and_warp_barrier, "waits with one lane at sync_block, with the others at sync_warp", kDivergence,
       "divergent warp operation") {
  if (kBroken && threadIdx.x == 70) {
    sync_block();
  } else {
    sync_warp();
  }
}

DEFECT(two_blocks, "writes one global element from two blocks", kRace, "with no barrier between") {
  if (threadIdx.x == 0) View<float>(arguments.out)[kBroken ? 0 : blockIdx.x] = 1;
}

DEFECT_OR(other_block, "reads what another block of the launch writes", kRace, "with no barrier between",
          kUnwritten, "reads what nobody has written") {
  const View<float> out(arguments.out);
  out[global_thread()] = 1;
  sync_block();
  if (threadIdx.x == 0)
    out[global_thread() + 1] = 1 + out[kBroken ? (global_thread() + kBlock) % kValues : global_thread()];
}

DEFECT(same_block_global, "writes one global element from two threads of a block", kRace,
       "with no barrier between") {
  View<float>(arguments.out)[kBroken ? global_thread() / 2 : global_thread()] = 1;
}

DEFECT(plain_sum, "adds to a global element without an atomic", kRace, "with no barrier between") {
  const View<int32_t> counts(arguments.counts);
  if (kBroken) {
    counts[0] += 1;
  } else {
    atomic_add(counts, 0, 1);
  }
}

DEFECT(atomic_and_plain, "reads plainly what others add to atomically", kRace, "with no barrier between") {
  TARTAN_SHARED(int32_t, sum, 1);
  if (threadIdx.x == 0) sum[0] = 0;
  sync_block();
  atomic_add(sum, 0, 1);
  if (!kBroken) sync_block();
  if (threadIdx.x == 9) atomic_add(View<int32_t>(arguments.counts), 0, sum[0]);
}

DEFECT(endless, "waits in a loop for what nobody does", kEndless, "an endless loop or wait") {
  while (kBroken && atomic_or(View<int32_t>(arguments.counts), 0, 0) == 0) {
  }
}
