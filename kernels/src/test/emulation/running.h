// The state of the grid that runs, shared by the files of the machine.
#ifndef TARTAN_EMULATION_RUNNING_H
#define TARTAN_EMULATION_RUNNING_H

#include <string>
#include <vector>

#include "fiber.h"
#include "machine.h"

namespace emulation {

enum class Wait : uint8_t { kNothing, kBlockBarrier, kWarpBarrier, kShuffle, kBallot, kMma, kEnd };

// A copy that has not arrived.
struct Copy {
  Region* to;
  uint64_t to_offset;
  const Region* from;
  uint64_t from_offset;
  uint32_t bytes;
  uint32_t group;
};

struct Thread {
  Context context;
  Wait wait;
  int line;        // where it waits
  uint64_t value;  // what it brings to a warp operation and what it takes from there
  int source;      // lane of a shuffle
  float* d;        // of mma
  const uint32_t* a;
  const uint32_t* b;
  uint32_t group;  // of the copies to come
  std::vector<Copy> copies;
};

struct SharedArray {
  const void* key;
  Region* region;
};

struct Running {
  const Launch* launch;
  Outcome outcome;
  uint64_t random;
  Context scheduler;
  Thread threads[kMostThreads];
  Thread* thread;  // the running one
  int count;       // of threads in a block
  uint16_t me;     // number of the running one
  int warp;        // and its warp

  // Time goes on at each barrier. An access at time t is over for all threads of a block if t < block_since,
  // for the lanes of a warp if t < warp_since.
  uint32_t time;
  uint32_t launch_start;
  uint32_t block_start;
  uint32_t block_since;
  uint32_t warp_since[kMostWarps];
  std::vector<uint32_t> block_starts;  // with the blocks, for the text of a fault
  std::vector<uint64_t> blocks;

  uint64_t patience;
  std::vector<SharedArray> shared;  // of all blocks so far
  size_t shared_used;               // by this block
  uint32_t shared_bytes;            // static
  Region* dynamic;
};
extern Running running;

// Ends the grid: records what is wrong. From a thread it does not return.
[[noreturn]] void stop(Fault fault, const std::string& what);
// The same from the scheduler: returns.
void record(Fault fault, const std::string& what);

std::string index_text(const Index& index);
Index thread_index(int number);
// "4 bytes at 0x..., element 3 of the allocation of 1024 bytes"
std::string element_text(const Region& region, uint64_t offset, uint32_t bytes);

// Follows an access for races; stops at one.
void follow(Region* region, uint64_t offset, uint32_t bytes, Access kind);

// Performs the operation for which all lanes of a warp wait.
void perform(Thread* lanes);

uint64_t draw();

}  // namespace emulation

#endif
