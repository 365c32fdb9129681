// What a thread does to memory: bounds, alignment, bytes that nobody wrote, races, shared arrays and copies
// that arrive later.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "count.h"
#include "running.h"

namespace emulation {

namespace {

const char* const kVerbs[] = {"reads", "writes", "adds to"};
const char* const kPast[] = {"read", "wrote", "added to"};
constexpr uint32_t kDynamicAlignment = 16;
constexpr char kDynamicName[] = "dynamic";

std::string hex(uintptr_t address) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  return text;
}

std::string region_text(const Region& region) {
  const std::string size = std::to_string(region.allocated) + " bytes";
  if (region.name == kDynamicName) return "dynamic shared memory of " + size;
  return region.name != nullptr ? "shared array '" + std::string(region.name) + "' of " + size
                                : "allocation of " + size + " at " + hex(region.base);
}

// For addr2line.
std::string caller_text(const void* caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0) return "";
  const char* slash = strrchr(info.dli_fname, '/');
  const uintptr_t offset =
      reinterpret_cast<uintptr_t>(caller) - 1 - reinterpret_cast<uintptr_t>(info.dli_fbase);
  return std::string(" [") + (slash != nullptr ? slash + 1 : info.dli_fname) + "+" + hex(offset) + "]";
}

const void* caller;  // of the access that is checked

[[noreturn]] void stop_at(Fault fault, const std::string& what) { stop(fault, what + caller_text(caller)); }

[[noreturn]] void outside(uintptr_t base, uintptr_t at, uint32_t bytes, Access kind) {
  const std::string what = std::string(kVerbs[kind]) + " " + std::to_string(bytes) + " bytes at " + hex(at);
  const Region* region = region_at(base);
  if (region == nullptr) region = region_at(at);
  if (region == nullptr) {
    // The one before, if it is not far.
    for (int g = 1; g < 64 && region == nullptr; g++) region = region_at(at - (uintptr_t{1} << kGranule) * g);
  }
  if (region == nullptr) stop_at(Fault::kAddress, what + ", which lies in no allocation");
  if (region->size == 0 && region->name == nullptr) {
    stop_at(Fault::kAddress, what + ", in the " + region_text(*region) + " after it was freed");
  }
  const int64_t offset = static_cast<int64_t>(at - region->base);
  stop_at(Fault::kAddress, what + ", element " + std::to_string(offset / static_cast<int64_t>(bytes)) +
                               ", out of the bounds of the " + region_text(*region));
}

// The region of an access: that in which its View begins, or, if that begins in none, that of the address.
Region* check(uintptr_t base, uintptr_t at, uint32_t bytes, uint32_t alignment, Access kind) {
  Region* region = region_at(base);
  uint64_t offset = region == nullptr ? 0 : at - region->base;
  if (region == nullptr || offset >= region->size || region->size - offset < bytes) {
    const bool begins_outside = region == nullptr || base - region->base >= region->size;
    region = begins_outside ? region_of(at, bytes) : nullptr;
    if (region == nullptr) outside(base, at, bytes, kind);
    offset = at - region->base;
  }
  if (region->name == nullptr && region->device != running.launch->device) {
    stop_at(Fault::kAddress,
            std::string(kVerbs[kind]) + " memory of another device, " + element_text(*region, offset, bytes));
  }
  if ((at & (alignment - 1)) != 0) {
    stop_at(Fault::kMisaligned, std::string(kVerbs[kind]) + " misaligned " +
                                    element_text(*region, offset, bytes) + ": not a multiple of " +
                                    std::to_string(alignment));
  }
  return region;
}

void check_written(const Region& region, uint64_t offset, uint32_t bytes, Access kind) {
  if (all_written(&region, offset, bytes)) return;
  for (const Copy& copy : running.thread->copies) {
    if (copy.to == &region && copy.to_offset < offset + bytes && offset < copy.to_offset + copy.bytes) {
      stop_at(Fault::kUnwritten, std::string(kVerbs[kind]) + " what copy_async has not yet brought: " +
                                     element_text(region, offset, bytes));
    }
  }
  stop_at(Fault::kUnwritten,
          std::string(kVerbs[kind]) + " what nobody has written: " + element_text(region, offset, bytes));
}

void record_access(Region* region, uint64_t offset, uint32_t bytes, Access kind) {
  if (region->follow) follow(region, offset, bytes, kind);
}

void count(const Region& region, uint64_t offset, uint32_t bytes, Access kind) {
  if (counting) count_access(region, offset, bytes, kind, running.me % kLanes, caller);
}

void begin_following(Region* region) {
  if (!region->follow && region->name == nullptr) {
    region->follow = region->allocated <= running.launch->most_followed;
  }
}

}  // namespace

std::string element_text(const Region& region, uint64_t offset, uint32_t bytes) {
  return std::to_string(bytes) + " bytes at " + hex(region.base + offset) + ", element " +
         std::to_string(offset / bytes) + " of the " + region_text(region);
}

void* access(const void* base, int64_t offset, uint32_t bytes, uint32_t alignment, Access kind) {
  caller = __builtin_return_address(0);
  if (--running.patience == 0) stop_at(Fault::kEndless, "does not come to an end: an endless loop or wait");
  const uintptr_t from = reinterpret_cast<uintptr_t>(base);
  const uintptr_t at = from + static_cast<uintptr_t>(offset);
  Region* region = check(from, at, bytes, alignment, kind);
  const uint64_t place = at - region->base;
  if (kind == kWrite) {
    set_written(region, place, bytes, true);
  } else {
    check_written(*region, place, bytes, kind);
  }
  begin_following(region);
  record_access(region, place, bytes, kind);
  count(*region, place, bytes, kind);
  return region->data + place;
}

void* shared_array(const void* key, const char* name, uint64_t bytes, uint32_t alignment) {
  for (size_t i = 0; i < running.shared_used; i++) {
    if (running.shared[i].key == key) return reinterpret_cast<void*>(running.shared[i].region->base);
  }
  const bool dynamic = name == kDynamicName;
  if (!dynamic) running.shared_bytes = (running.shared_bytes + alignment - 1) / alignment * alignment + bytes;
  if (running.shared_bytes > kStaticShared) {
    stop(Fault::kShared, "has static shared memory of more than " + std::to_string(kStaticShared) + " bytes");
  }
  if (running.shared_bytes + running.launch->dynamic_bytes > running.launch->most_shared) {
    stop(Fault::kShared, "has more than the " + std::to_string(running.launch->most_shared) +
                             " bytes of shared memory that the launch may have");
  }
  if (running.shared_used == running.shared.size()) running.shared.push_back({nullptr, nullptr});
  SharedArray& array = running.shared[running.shared_used++];
  if (array.region == nullptr || array.key != key || array.region->allocated != bytes) {
    if (array.region != nullptr) forget_region(array.region);
    // No better aligned than it must be.
    array = {key, new_region(bytes, 0, name, alignment)};
  }
  array.region->follow = true;
  memset(array.region->data, 0xcb, bytes);
  set_written(array.region, 0, bytes, false);
  return reinterpret_cast<void*>(array.region->base);
}

void* dynamic_shared() {
  static const char key = 0;
  return shared_array(&key, kDynamicName, running.launch->dynamic_bytes, kDynamicAlignment);
}

void copy_later(const void* to, int64_t to_offset, const void* from, int64_t from_offset, uint32_t bytes) {
  caller = __builtin_return_address(0);
  const uintptr_t base = reinterpret_cast<uintptr_t>(to), source_base = reinterpret_cast<uintptr_t>(from);
  const uintptr_t at = base + static_cast<uintptr_t>(to_offset);
  const uintptr_t source_at = source_base + static_cast<uintptr_t>(from_offset);
  Region* target = check(base, at, bytes, bytes, kWrite);
  Region* source = check(source_base, source_at, bytes, bytes, kRead);
  if (target->name == nullptr || source->name != nullptr) {
    stop_at(Fault::kShared, "calls copy_async other than from global to shared memory");
  }
  const Copy copy{target, at - target->base, source, source_at - source->base, bytes, running.thread->group};
  check_written(*source, copy.from_offset, bytes, kRead);
  begin_following(source);
  record_access(source, copy.from_offset, bytes, kRead);
  record_access(target, copy.to_offset, bytes, kWrite);
  count(*source, copy.from_offset, bytes, kRead);
  count(*target, copy.to_offset, bytes, kWrite);
  set_written(target, copy.to_offset, bytes, false);
  running.thread->copies.push_back(copy);
}

void commit_copies() { running.thread->group++; }

void wait_for_copies(int pending) {
  caller = __builtin_return_address(0);
  std::vector<Copy>& copies = running.thread->copies;
  size_t kept = 0;
  for (const Copy& copy : copies) {
    if (copy.group + static_cast<uint32_t>(pending) >= running.thread->group) {
      copies[kept++] = copy;
      continue;
    }
    record_access(copy.to, copy.to_offset, copy.bytes, kWrite);
    memcpy(copy.to->data + copy.to_offset, copy.from->data + copy.from_offset, copy.bytes);
    set_written(copy.to, copy.to_offset, copy.bytes, true);
  }
  copies.resize(kept);
}

namespace {

constexpr int kMostShift = 4;

int shift_of(uint64_t offset, uint32_t bytes) {
  return std::min(__builtin_ctzll(offset | bytes), kMostShift);
}

void make_cells(Region* region, int shift) {
  const uint64_t count = (region->allocated >> shift) + 1;
  Cell* cells = static_cast<Cell*>(calloc(count, sizeof(Cell)));
  if (region->cells != nullptr) {
    for (uint64_t i = 0; i < count; i++) cells[i] = region->cells[i << shift >> region->shift];
    free(region->cells);
  }
  region->cells = cells;
  region->shift = shift;
}

// Whether an access is not over for the running thread, so that another may conflict with it.
bool concurrent(const Accesses& past, uint32_t since) {
  if (past.time < since) return false;
  if (past.time < running.block_start || past.elsewhere != 0) return true;
  if (past.time < running.block_since || past.who == running.me) return false;
  if (past.who & kManyOfBlock) return true;
  const int warp = past.who & kManyOfWarp ? past.who & ~kManyOfWarp : past.who / kLanes;
  return warp != running.warp || past.time >= running.warp_since[warp];
}

void add(Accesses* past, uint32_t since) {
  if (past->time < since) {
    *past = {running.time, running.me, 0};
    return;
  }
  if (past->time < running.block_start) {
    *past = {running.time, running.me, 1};
    return;
  }
  if (past->time < running.block_since) {
    past->who = running.me;
  } else if (past->who != running.me && (past->who & kManyOfBlock) == 0) {
    const int warp = past->who & kManyOfWarp ? past->who & ~kManyOfWarp : past->who / kLanes;
    if (warp != running.warp) {
      past->who = kManyOfBlock;
    } else if (past->time < running.warp_since[warp]) {
      past->who = running.me;
    } else {
      past->who = static_cast<uint16_t>(kManyOfWarp | warp);
    }
  }
  past->time = running.time;
}

std::string others_text(const Accesses& past) {
  if (past.time < running.block_start) {
    const auto next = std::upper_bound(running.block_starts.begin(), running.block_starts.end(), past.time);
    const uint64_t block = running.blocks[next - running.block_starts.begin() - 1];
    const Index& grid = dimensions.grid_size;
    const uint64_t plane = static_cast<uint64_t>(grid.x) * grid.y;
    return "block " +
           index_text({static_cast<uint32_t>(block % grid.x), static_cast<uint32_t>(block % plane / grid.x),
                       static_cast<uint32_t>(block / plane)});
  }
  if (past.elsewhere != 0) return "another block";
  if (past.who & kManyOfBlock) return "several threads of the block";
  if (past.who & kManyOfWarp) return "several lanes of the warp";
  return "thread " + index_text(thread_index(past.who));
}

}  // namespace

void follow(Region* region, uint64_t offset, uint32_t bytes, Access kind) {
  const int shift = shift_of(offset, bytes);
  if (region->cells == nullptr || shift < region->shift) make_cells(region, shift);
  const uint32_t since = region->name != nullptr ? running.block_start : running.launch_start;
  const uint64_t last = (offset + bytes - 1) >> region->shift;
  for (uint64_t i = offset >> region->shift; i <= last; i++) {
    Cell& cell = region->cells[i];
    Accesses& own = cell.by[kind];
    if (own.time == running.time && own.who == running.me && kind != kWrite) continue;
    for (int other = 0; other < 3; other++) {
      if (kind == other && kind != kWrite) continue;
      if (concurrent(cell.by[other], since)) {
        stop_at(Fault::kRace, std::string("races: ") + kVerbs[kind] + " " +
                                  element_text(*region, offset, bytes) + ", which " +
                                  others_text(cell.by[other]) + " " + kPast[other] +
                                  " with no barrier between");
      }
    }
    add(&own, since);
  }
}

}  // namespace emulation
