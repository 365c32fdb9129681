#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <set>

namespace emulation {

Space space;

namespace {

constexpr uint64_t kUnwritten = 0xcb;              // what fresh memory holds
constexpr uint64_t kUnwrittenBytes = 16ull << 20;  // and how much of it
constexpr uint64_t kWindow = 256ull << 30;         // bytes of address space
constexpr int kMapFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

uint64_t next_granule = 1;
std::set<Region*> all_regions;

void open_window() {
  uint64_t bytes = kWindow;
  void* window = MAP_FAILED;
  for (; bytes >= kWindow >> 5 && window == MAP_FAILED; bytes /= 2) {
    window = mmap(nullptr, bytes, PROT_NONE, kMapFlags, -1, 0);
    if (window != MAP_FAILED) break;
  }
  space.granules = (bytes >> kGranule) - 1;
  void* table = mmap(nullptr, space.granules * sizeof(Region*), PROT_READ | PROT_WRITE, kMapFlags, -1, 0);
  if (window == MAP_FAILED || table == MAP_FAILED) {
    fprintf(stderr, "emulation: no address space for the emulated device\n");
    abort();
  }
  space.base = (reinterpret_cast<uintptr_t>(window) + (1 << kGranule) - 1) >> kGranule << kGranule;
  space.regions = static_cast<Region**>(table);
}

uint64_t granules_of(const Region& region) {
  return (region.base - space.base + region.allocated + (1 << kGranule) - 1) / (1 << kGranule) -
         (region.base - space.base) / (1 << kGranule);
}

// The first of `count` granules that no living region has, after those given out last. 0 if there are none.
uint64_t find_granules(uint64_t count) {
  for (int round = 0; round < 2; round++) {
    uint64_t run = 0;
    for (uint64_t g = next_granule; g < space.granules; g++) {
      const Region* region = space.regions[g];
      run = region != nullptr && region->size > 0 ? 0 : run + 1;
      if (run == count) {
        next_granule = g + 1;
        return g + 1 - count;
      }
    }
    next_granule = 1;
  }
  return 0;
}

}  // namespace

Region* new_region(uint64_t size, int device, const char* name, uint32_t misalign) {
  if (space.regions == nullptr) open_window();
  const uint64_t count = ((size + misalign) >> kGranule) + 2;  // the last one is the gap
  const uint64_t first = find_granules(count);
  char* data = first == 0 ? nullptr : static_cast<char*>(aligned_alloc(256, (size + 511) / 256 * 256));
  uint8_t* written = first == 0 ? nullptr : static_cast<uint8_t*>(calloc(size / 8 + 16, 1));
  if (data == nullptr || written == nullptr) {
    free(data);
    free(written);
    return nullptr;
  }
  memset(data, kUnwritten, std::min(size, kUnwrittenBytes));
  for (uint64_t g = first; g < first + count; g++) {
    Region* old = space.regions[g];
    if (old != nullptr) forget_region(old);
  }
  const uintptr_t base = space.base + (first << kGranule) + misalign;
  Region* region = new Region{base, size, size, data, written, nullptr, 0, device, name, false};
  for (uint64_t g = first; g < first + granules_of(*region); g++) space.regions[g] = region;
  all_regions.insert(region);
  return region;
}

void free_region(Region* region) {
  free(region->data);
  free(region->written);
  free(region->cells);
  region->data = nullptr;
  region->written = nullptr;
  region->cells = nullptr;
  region->size = 0;
}

void free_device(int device) {
  for (Region* region : all_regions) {
    if (region->name == nullptr && region->device == device) free_region(region);
  }
}

void forget_region(Region* region) {
  free_region(region);
  const uint64_t first = (region->base - space.base) >> kGranule;
  for (uint64_t g = first; g < first + granules_of(*region); g++) {
    if (space.regions[g] == region) space.regions[g] = nullptr;
  }
  all_regions.erase(region);
  delete region;
}

Region* region_of(uintptr_t address, uint64_t bytes) {
  Region* region = region_at(address);
  if (region == nullptr) return nullptr;
  const uint64_t offset = address - region->base;
  return offset < region->size && region->size - offset >= bytes ? region : nullptr;
}

bool all_written(const Region* region, uint64_t offset, uint64_t bytes) {
  const uint8_t* bits = region->written + offset / 8;
  const uint64_t shift = offset % 8;
  if (shift + bytes <= 8) {
    const uint32_t mask = ((1u << bytes) - 1) << shift;
    return (*bits & mask) == mask;
  }
  for (uint64_t i = offset; i < offset + bytes; i++) {
    if (i % 8 == 0) {
      for (; i + 8 <= offset + bytes && region->written[i / 8] == 0xff; i += 8) {
      }
      if (i == offset + bytes) return true;
    }
    if ((region->written[i / 8] >> i % 8 & 1) == 0) return false;
  }
  return true;
}

void set_written(Region* region, uint64_t offset, uint64_t bytes, bool written) {
  for (uint64_t i = offset; i < offset + bytes;) {
    if (i % 8 == 0 && i + 8 <= offset + bytes) {
      const uint64_t whole = (offset + bytes - i) / 8;
      memset(region->written + i / 8, written ? 0xff : 0, whole);
      i += whole * 8;
    } else {
      const uint64_t end = std::min((i / 8 + 1) * 8, offset + bytes);
      const uint32_t mask = ((1u << (end - i)) - 1) << i % 8;
      uint8_t& bits = region->written[i / 8];
      bits = static_cast<uint8_t>(written ? bits | mask : bits & ~mask);
      i = end;
    }
  }
}

void forget_accesses() {
  for (Region* region : all_regions) {
    free(region->cells);
    region->cells = nullptr;
  }
}

}  // namespace emulation
