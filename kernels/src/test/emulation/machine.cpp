#include "machine.h"

#include <string.h>

#include <algorithm>
#include <mutex>
#include <numeric>

#include "count.h"
#include "running.h"

namespace emulation {

Running running;
Dimensions dimensions;

namespace {

constexpr uint32_t kLatest = 3u << 30;  // before the clock could run over

std::vector<Kernel>& registered() {
  static std::vector<Kernel> all;
  return all;
}

const char* name_of(Wait wait) {
  switch (wait) {
    case Wait::kBlockBarrier:
      return "sync_block";
    case Wait::kWarpBarrier:
      return "sync_warp";
    case Wait::kShuffle:
      return "shuffle";
    case Wait::kBallot:
      return "ballot";
    case Wait::kMma:
      return "mma";
    case Wait::kEnd:
      return "the end of the kernel";
    default:
      return "nothing";
  }
}

bool at_warp_operation(const Thread& thread) {
  return thread.wait != Wait::kNothing && thread.wait != Wait::kBlockBarrier && thread.wait != Wait::kEnd;
}

std::string where(int number) {
  const Thread& thread = running.threads[number];
  std::string text = "thread " + index_text(thread_index(number)) + " is at " + name_of(thread.wait);
  return thread.wait == Wait::kEnd ? text : text + " in line " + std::to_string(thread.line);
}

void thread_entry() {
  running.launch->kernel->run(running.launch->arguments);
  if (!running.thread->copies.empty()) {
    stop(Fault::kPending, "ends with " + std::to_string(running.thread->copies.size()) +
                              " copies of copy_async that it has not waited for");
  }
  running.thread->wait = Wait::kEnd;
  change(&running.thread->context, &running.scheduler);
}

void resume(int number) {
  running.me = static_cast<uint16_t>(number);
  running.thread = &running.threads[number];
  running.thread->wait = Wait::kNothing;
  running.patience = running.launch->patience;
  dimensions.thread_index = thread_index(number);
  change(&running.scheduler, &running.thread->context);
}

// Whether all threads of [first, last) wait for the same thing; else says which do not.
bool agree(int first, int last) {
  for (int i = first + 1; i < last; i++) {
    const Thread& a = running.threads[first];
    const Thread& b = running.threads[i];
    if (a.wait == b.wait && (a.wait == Wait::kEnd || a.line == b.line)) continue;
    const bool warp = at_warp_operation(a) || at_warp_operation(b);
    record(Fault::kDivergence, std::string(warp ? "divergent warp operation: " : "divergent barrier: ") +
                                   where(first) + ", " + where(i));
    return false;
  }
  return true;
}

// Runs the lanes of a warp up to a barrier of the block or their end; sometimes leaves earlier, after a warp
// operation. Returns whether they can go on.
bool run_warp(int warp) {
  const int first = warp * kLanes;
  const int lanes = std::min(kLanes, running.count - first);
  running.warp = warp;
  for (;;) {
    const uint64_t order = draw();
    for (int k = 0; k < kLanes; k++) {
      const int lane = static_cast<int>((order + k * (order >> 32 | 1)) % kLanes);
      if (lane < lanes) resume(first + lane);
      if (running.outcome.fault != Fault::kNone) return false;
    }
    if (counting) end_requests();
    bool warp_operation = false;
    for (int lane = 0; lane < lanes; lane++)
      warp_operation |= at_warp_operation(running.threads[first + lane]);
    if (!warp_operation) return false;
    if (!agree(first, first + lanes)) return false;
    if (lanes < kLanes) {
      record(Fault::kDivergence, "divergent warp operation: " + where(first) + ", in a warp of " +
                                     std::to_string(lanes) + " threads");
      return false;
    }
    perform(running.threads + first);
    if (order >> 61 == 0) return true;
  }
}

void start_block(uint64_t block) {
  const Launch& launch = *running.launch;
  const uint64_t plane = static_cast<uint64_t>(launch.grid[0]) * launch.grid[1];
  dimensions.block_index = {static_cast<uint32_t>(block % launch.grid[0]),
                            static_cast<uint32_t>(block % plane / launch.grid[0]),
                            static_cast<uint32_t>(block / plane)};
  running.block_start = running.block_since = ++running.time;
  running.block_starts.push_back(running.time);
  running.blocks.push_back(block);
  running.shared_used = 0;
  running.shared_bytes = 0;
  running.dynamic = nullptr;
  std::fill(running.warp_since, running.warp_since + kMostWarps, running.time);
  for (int i = 0; i < running.count; i++) {
    running.threads[i].copies.clear();
    running.threads[i].group = 0;
    prepare(&running.threads[i].context, i, thread_entry);
  }
}

void run_block(uint64_t block) {
  start_block(block);
  const int warps = (running.count + kLanes - 1) / kLanes;
  int ready[kMostWarps];
  for (;;) {
    int left = warps;
    std::iota(ready, ready + warps, 0);
    while (left > 0) {
      const int i = static_cast<int>(draw() % left);
      const bool more = run_warp(ready[i]);
      if (running.outcome.fault != Fault::kNone) return;
      if (!more) ready[i] = ready[--left];
    }
    if (!agree(0, running.count) || running.threads[0].wait == Wait::kEnd) return;
    running.block_since = ++running.time;
    std::fill(running.warp_since, running.warp_since + kMostWarps, running.time);
  }
}

}  // namespace

Register::Register(const Kernel& kernel) { registered().push_back(kernel); }
const std::vector<Kernel>& kernels() { return registered(); }

const Kernel* find_kernel(const char* name) {
  for (const Kernel& kernel : registered()) {
    if (strcmp(kernel.name, name) == 0) return &kernel;
  }
  return nullptr;
}

// splitmix64
uint64_t draw() {
  uint64_t z = running.random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

std::string index_text(const Index& index) {
  return "(" + std::to_string(index.x) + "," + std::to_string(index.y) + "," + std::to_string(index.z) + ")";
}

Index thread_index(int number) {
  const uint32_t n = static_cast<uint32_t>(number), x = dimensions.block_size.x, y = dimensions.block_size.y;
  if (n < x) return {n, 0, 0};
  return {n % x, n / x % y, n / (x * y)};
}

void record(Fault fault, const std::string& what) {
  running.outcome.fault = fault;
  running.outcome.text = std::string(running.launch->kernel->name) + ": block " +
                         index_text(dimensions.block_index) + ": " + what;
}

void stop(Fault fault, const std::string& what) {
  record(fault, "thread " + index_text(dimensions.thread_index) + " " + what);
  change(&running.thread->context, &running.scheduler);
  __builtin_unreachable();
}

Outcome run(const Launch& launch) {
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> lock(one_at_a_time);
  if (running.time > kLatest) {
    forget_accesses();
    running.time = 0;
  }
  running.launch = &launch;
  running.outcome = Outcome();
  running.random = launch.seed * 0x9e3779b97f4a7c15;
  running.launch_start = ++running.time;
  running.block_starts.clear();
  running.blocks.clear();
  running.count = static_cast<int>(launch.block[0] * launch.block[1] * launch.block[2]);
  dimensions.block_size = {launch.block[0], launch.block[1], launch.block[2]};
  dimensions.grid_size = {launch.grid[0], launch.grid[1], launch.grid[2]};
  std::vector<uint64_t> order(static_cast<uint64_t>(launch.grid[0]) * launch.grid[1] * launch.grid[2]);
  std::iota(order.begin(), order.end(), uint64_t{0});
  for (uint64_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[draw() % i]);
  for (uint64_t block : order) {
    run_block(block);
    if (running.outcome.fault != Fault::kNone) break;
  }
  return running.outcome;
}

}  // namespace emulation
