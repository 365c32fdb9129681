// What the MaxSim kernels ask of memory and of the matrix units for a token, counted by the emulation: one query of 32 rows,
// dim 128, every second one of the stored passages in random order, so that none shares its sectors with a neighbour.
#ifndef TARTAN_TESTS_TRAFFIC_H
#define TARTAN_TESTS_TRAFFIC_H

#include <stdint.h>

#include <string>

#include "count.h"

namespace traffic {

constexpr int kDim = 128, kRows = 32;
constexpr int kCentroids = 512;
constexpr int kCandidates = 64;
constexpr int kTileTokens = 16;
constexpr int kLeastMma = kTileTokens / 16 * (kRows / 8) * (kDim / 16);  // m16n8k16

// Lengths of passages: seeded, from `least` to `most`.
struct Lengths {
  int least, most;
  std::string text() const;
};

// Sums over a launch.
struct Sample {
  std::string fault;  // of the launch, empty if there was none
  uint64_t tokens, tiles;
  int stored;                // bytes a token
  emulation::Traffic own;    // of the stored arrays
  emulation::Traffic lists;  // of offsets, numbers of candidates and their scores
  emulation::Traffic table;  // of scores of centroids, or of centroids
  emulation::Traffic query;  // of rows and weights
  emulation::Traffic shared;
  uint64_t mma;

  double of_token(uint64_t sum) const { return static_cast<double>(sum) / static_cast<double>(tokens); }
  // Of `sum` bytes to those stored.
  double ratio(uint64_t sum) const { return of_token(sum) / stored; }
  // For 16 tokens.
  double mma_of_tile() const { return of_token(mma) * kTileTokens; }
};

// tartan_maxsim_<nbits> or tartan_rescore_<nbits>; nbits 0: tartan_maxsim_dense on float16.
Sample sample(const std::string& kernel, int nbits, const Lengths& lengths);

}  // namespace traffic

#endif
