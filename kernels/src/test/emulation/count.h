// What launches ask of memory and of the matrix units, counted where somebody wants to know.
//
// A request is what the lanes of a warp ask for at one place of the program at once: accesses between two operations of a warp
// that come from the same address of code, the n-th of each lane together. A device serves a request as a whole.
#ifndef TARTAN_EMULATION_COUNT_H
#define TARTAN_EMULATION_COUNT_H

#include <stdint.h>

#include <map>

#include "memory.h"

namespace emulation {

constexpr int kSector = 32;  // bytes that a device moves at once

// Of an allocation, or of all shared memory of all blocks. In bytes, but for `wavefronts`.
struct Traffic {
  uint64_t read;       // that threads ask for
  uint64_t written;    // likewise; atomics read and write
  uint64_t requested;  // read by requests, what several lanes ask for once
  uint64_t sectors;    // of whole sectors that these requests touch
  uint64_t distinct;   // read at all: must come from memory even if caches hold everything
  uint64_t distinct_sectors;
  uint64_t wavefronts;  // of shared memory: cycles in which each of 32 banks yields or takes four bytes
};

struct Counts {
  uint64_t mma;  // by warps
  Traffic shared;
  std::map<uintptr_t, Traffic> allocations;  // by their address
};

// Counting starts at zero, and costs nothing but a test of a flag where it is off. Not while a grid runs.
void start_counting();
void stop_counting();
Counts counted();

// What follows is for the machine.
extern bool counting;
void count_access(const Region& region, uint64_t offset, uint32_t bytes, Access kind, int lane,
                  const void* code);
void count_mma();
// The lanes of a warp have come to an operation of the warp, a barrier or the end.
void end_requests();

}  // namespace emulation

#endif
