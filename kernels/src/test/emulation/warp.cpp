// The operations of a warp, performed once all its lanes have come.
#include <string.h>

#include "count.h"
#include "half.h"
#include "running.h"

namespace emulation {

namespace {

// Products of float16 are exact in float, so that fused and wider instructions give the same sums.
#if defined(__x86_64__) && defined(__linux__)
__attribute__((target_clones("avx2", "default")))
#endif
void add_product(const float (&a)[16][16], const float (&columns)[16][8], float (&d)[16][8]) {
  for (int i = 0; i < 16; i++) {
    float sums[8];
    memcpy(sums, d[i], sizeof sums);
    for (int k = 0; k < 16; k++) {
      for (int j = 0; j < 8; j++) sums[j] += a[i][k] * columns[k][j];
    }
    memcpy(d[i], sums, sizeof sums);
  }
}

// Register r of lane l of a [16, 16] holds columns 2 * (l % 4) + 8 * (r / 2), + 1 of row l / 4 + 8 * (r % 2),
// of b [16, 8] rows 2 * (l % 4) + 8 * r, + 1 of column l / 4, of d [16, 8] element (l / 4 + 8 * (r / 2), 2 *
// (l % 4) + r % 2).
void multiply_all(Thread* lanes) {
  uint32_t a_halves[16][8], b_halves[8][8];
  for (int l = 0; l < kLanes; l++) {
    const int row = l / 4, pair = l % 4;
    for (int r = 0; r < 4; r++) a_halves[row + 8 * (r % 2)][pair + 4 * (r / 2)] = lanes[l].a[r];
    for (int r = 0; r < 2; r++) b_halves[row][pair + 4 * r] = lanes[l].b[r];
  }
  float a[16][16], b[8][16], columns[16][8], d[16][8];
  halves_to_floats(a_halves[0], a[0], 16 * 16);
  halves_to_floats(b_halves[0], b[0], 8 * 16);
  for (int j = 0; j < 8; j++) {
    for (int k = 0; k < 16; k++) columns[k][j] = b[j][k];
  }
  for (int l = 0; l < kLanes; l++) {
    for (int r = 0; r < 4; r++) d[l / 4 + 8 * (r / 2)][2 * (l % 4) + r % 2] = lanes[l].d[r];
  }
  add_product(a, columns, d);
  for (int l = 0; l < kLanes; l++) {
    for (int r = 0; r < 4; r++) lanes[l].d[r] = d[l / 4 + 8 * (r / 2)][2 * (l % 4) + r % 2];
  }
}

void wait(Wait wait, int line) {
  running.thread->wait = wait;
  running.thread->line = line;
  change(&running.thread->context, &running.scheduler);
}

}  // namespace

void perform(Thread* lanes) {
  ++running.time;
  if (lanes[0].wait == Wait::kWarpBarrier) {
    running.warp_since[running.warp] = running.time;
  } else if (lanes[0].wait == Wait::kShuffle) {
    uint64_t values[kLanes];
    for (int l = 0; l < kLanes; l++) values[l] = lanes[l].value;
    for (int l = 0; l < kLanes; l++) lanes[l].value = values[lanes[l].source & (kLanes - 1)];
  } else if (lanes[0].wait == Wait::kBallot) {
    uint64_t votes = 0;
    for (int l = 0; l < kLanes; l++) votes |= lanes[l].value << l;
    for (int l = 0; l < kLanes; l++) lanes[l].value = votes;
  } else {
    multiply_all(lanes);
    if (counting) count_mma();
  }
}

void block_barrier(int line) { wait(Wait::kBlockBarrier, line); }
void warp_barrier(int line) { wait(Wait::kWarpBarrier, line); }

uint64_t exchange(uint64_t value, int lane, int line) {
  running.thread->value = value;
  running.thread->source = lane;
  wait(Wait::kShuffle, line);
  return running.thread->value;
}

uint32_t vote(bool value, int line) {
  running.thread->value = value ? 1 : 0;
  wait(Wait::kBallot, line);
  return static_cast<uint32_t>(running.thread->value);
}

void multiply(float* d, const uint32_t* a, const uint32_t* b, int line) {
  running.thread->d = d;
  running.thread->a = a;
  running.thread->b = b;
  wait(Wait::kMma, line);
}

}  // namespace emulation
