// Runs grids of emulated kernels, one at a time, and finds what they do wrong.
//
// Threads of a block are fibers. They run in a random order that is drawn anew at every barrier, blocks in
// random order too: both follow from a seed.
#ifndef TARTAN_EMULATION_MACHINE_H
#define TARTAN_EMULATION_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

#include "memory.h"

namespace emulation {

constexpr int kLanes = 32;
constexpr int kMostThreads = 1024;
constexpr int kMostWarps = kMostThreads / kLanes;
constexpr uint32_t kStaticShared = 48 << 10;  // what a block may have without dynamic memory

struct Kernel {
  const char* name;
  int threads;                         // of a block, at most
  size_t bytes;                        // of its arguments
  void (*run)(const void* arguments);  // as the running thread
};

// A TARTAN_KERNEL is known from the start of the program by such a variable.
struct Register {
  explicit Register(const Kernel& kernel);
};
const Kernel* find_kernel(const char* name);
const std::vector<Kernel>& kernels();

struct Launch {
  const Kernel* kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t dynamic_bytes = 0;
  uint32_t most_shared = kStaticShared;  // static and dynamic
  int device = 0;
  const void* arguments = nullptr;
  uint64_t seed = 1;
  uint64_t most_followed = 1 << 20;  // races are looked for in allocations of so many bytes
  uint64_t patience = 200 << 20;     // accesses of a thread between two barriers
};

enum class Fault {
  kNone,
  kAddress,  // outside of an allocation
  kMisaligned,
  kUnwritten,  // read before anybody wrote it
  kRace,
  kDivergence,  // threads of a block or warp at different operations, or gone
  kPending,     // copy_async without wait_async
  kEndless,
  kShared,  // too much shared memory, or what is not shared memory
};

struct Outcome {
  Fault fault = Fault::kNone;
  std::string text;
};

// Runs a grid to its end or its first fault. Safe from any thread.
Outcome run(const Launch& launch);

// What follows is for device.h.

struct Index {
  uint32_t x, y, z;
};
struct Dimensions {
  Index thread_index, block_index, block_size, grid_size;
};
extern Dimensions dimensions;  // of the running thread

// The bytes of base + offset, after all checks. `base` is where a View begins.
void* access(const void* base, int64_t offset, uint32_t bytes, uint32_t alignment, Access kind);

// The array of the running block that `key` stands for.
void* shared_array(const void* key, const char* name, uint64_t bytes, uint32_t alignment);
void* dynamic_shared();

void copy_later(const void* to, int64_t to_offset, const void* from, int64_t from_offset, uint32_t bytes);
void commit_copies();
void wait_for_copies(int pending);

// Barriers and warp operations, with the line where they stand.
void block_barrier(int line);
void warp_barrier(int line);
uint64_t exchange(uint64_t value, int lane, int line);
uint32_t vote(bool value, int line);
void multiply(float* d, const uint32_t* a, const uint32_t* b, int line);

}  // namespace emulation

#endif
