// Memory of the fake driver: allocations, pinned memory, copies.
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "state.h"

namespace driver {

emulation::Region* allocation_of(uint64_t address, size_t bytes) {
  emulation::Region* region = emulation::region_of(address, bytes);
  return region != nullptr && region->name == nullptr && region->device == current->device ? region : nullptr;
}

}  // namespace driver

using namespace driver;
using emulation::Region;

namespace {

// Work that finds its memory freed.
int vanished(const char* call) {
  complain(std::string(call) + ": the memory was freed before the copy was done");
  return kIllegalAddress;
}

bool is_pinned(const void* pointer, size_t bytes) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  auto next = state.pinned.upper_bound(address);
  if (next == state.pinned.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

int to_device(uint64_t to, const void* from, size_t bytes) {
  Region* region = emulation::region_of(to, bytes);
  if (region == nullptr) return vanished("cuMemcpyHtoD");
  memcpy(region->data + (to - region->base), from, bytes);
  emulation::set_written(region, to - region->base, bytes, true);
  return kSuccess;
}

int to_host(void* to, uint64_t from, size_t bytes) {
  const Region* region = emulation::region_of(from, bytes);
  if (region == nullptr) return vanished("cuMemcpyDtoH");
  memcpy(to, region->data + (from - region->base), bytes);
  return kSuccess;
}

int on_device(uint64_t to, uint64_t from, size_t bytes) {
  const Region* source = emulation::region_of(from, bytes);
  Region* target = emulation::region_of(to, bytes);
  if (source == nullptr || target == nullptr) return vanished("cuMemcpyDtoD");
  const uint64_t at = from - source->base, place = to - target->base;
  memmove(target->data + place, source->data + at, bytes);
  if (emulation::all_written(source, at, bytes)) {
    emulation::set_written(target, place, bytes, true);
  } else {
    for (size_t i = 0; i < bytes; i++) {
      emulation::set_written(target, place + i, 1, emulation::all_written(source, at + i, 1));
    }
  }
  return kSuccess;
}

int fill(uint64_t to, unsigned char value, size_t bytes) {
  Region* region = emulation::region_of(to, bytes);
  if (region == nullptr) return vanished("cuMemsetD8");
  memset(region->data + (to - region->base), value, bytes);
  emulation::set_written(region, to - region->base, bytes, true);
  return kSuccess;
}

}  // namespace

EXPORT int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  ENTER(kNeedsContext);
  if (address == nullptr || bytes == 0) return kInvalidValue;
  if (const int refused = refuse_during_capture()) return refused;
  uint64_t& used = state.used[current->device];
  if (bytes > settings().memory || used > settings().memory - bytes) return kOutOfMemory;
  const Region* region = emulation::new_region(bytes, current->device, nullptr, 0);
  if (region == nullptr) return kOutOfMemory;
  used += bytes;
  *address = region->base;
  return kSuccess;
}

EXPORT int cuMemFree_v2(uint64_t address) {
  ENTER(kNeedsContext);
  if (address == 0) return kSuccess;
  if (const int refused = refuse_during_capture()) return refused;
  Region* region = allocation_of(address, 1);
  if (region == nullptr || region->base != address) return kInvalidValue;
  const int error = drain_all();
  state.used[region->device] -= region->allocated;
  emulation::free_region(region);
  return error;
}

EXPORT int cuMemGetInfo_v2(size_t* free_bytes, size_t* total_bytes) {
  ENTER(kNeedsContext);
  if (free_bytes == nullptr || total_bytes == nullptr) return kInvalidValue;
  *total_bytes = settings().memory;
  *free_bytes = settings().memory - state.used[current->device];
  return kSuccess;
}

EXPORT int cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
  ENTER(kNeedsContext);
  if (pointer == nullptr || bytes == 0) return kInvalidValue;
  if (const int refused = refuse_during_capture()) return refused;
  void* memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (memory == nullptr) return kOutOfMemory;
  state.pinned[reinterpret_cast<uintptr_t>(memory)] = bytes;
  *pointer = memory;
  return kSuccess;
}

EXPORT int cuMemFreeHost(void* pointer) {
  ENTER(kNeedsContext);
  if (const int refused = refuse_during_capture()) return refused;
  const auto found = state.pinned.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == state.pinned.end()) return kInvalidValue;
  const int error = drain_all();
  state.pinned.erase(found);
  free(pointer);
  return error;
}

EXPORT int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  ENTER(kNeedsContext);
  if (const int refused = refuse_during_capture()) return refused;
  if (bytes == 0) return kSuccess;
  if (from == nullptr || allocation_of(to, bytes) == nullptr) return kInvalidValue;
  if (const int error = drain_blocking()) return error;
  return to_device(to, from, bytes);
}

EXPORT int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  ENTER(kNeedsContext);
  if (const int refused = refuse_during_capture()) return refused;
  if (bytes == 0) return kSuccess;
  if (to == nullptr || allocation_of(from, bytes) == nullptr) return kInvalidValue;
  if (const int error = drain_blocking()) return error;
  return to_host(to, from, bytes);
}

EXPORT int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  ENTER(kNeedsContext);
  if (const int refused = refuse_during_capture()) return refused;
  if (bytes == 0) return kSuccess;
  if (allocation_of(to, bytes) == nullptr || allocation_of(from, bytes) == nullptr) return kInvalidValue;
  if (const int error = drain_blocking()) return error;
  return on_device(to, from, bytes);
}

// From pageable memory the bytes are taken at once, from pinned memory when the stream comes to the copy.
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream_handle) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(stream_handle);
  if (stream == nullptr) return kInvalidHandle;
  if (bytes == 0) return kSuccess;
  if (from == nullptr || allocation_of(to, bytes) == nullptr) return kInvalidValue;
  if (is_pinned(from, bytes) || stream->capture != nullptr) {
    return submit(stream, [=] { return to_device(to, from, bytes); });
  }
  const std::string staged(static_cast<const char*>(from), settings().async ? bytes : 0);
  if (!settings().async) return submit(stream, [=] { return to_device(to, from, bytes); });
  return submit(stream, [=] { return to_device(to, staged.data(), bytes); });
}

// To pageable memory the call returns when the copy is done.
EXPORT int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream_handle) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(stream_handle);
  if (stream == nullptr) return kInvalidHandle;
  if (bytes == 0) return kSuccess;
  if (to == nullptr || allocation_of(from, bytes) == nullptr) return kInvalidValue;
  const int error = submit(stream, [=] { return to_host(to, from, bytes); });
  if (error != kSuccess || stream->capture != nullptr || is_pinned(to, bytes)) return error;
  return drain(stream);
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream_handle) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(stream_handle);
  if (stream == nullptr) return kInvalidHandle;
  if (bytes == 0) return kSuccess;
  if (allocation_of(to, bytes) == nullptr || allocation_of(from, bytes) == nullptr) return kInvalidValue;
  return submit(stream, [=] { return on_device(to, from, bytes); });
}

EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream_handle) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(stream_handle);
  if (stream == nullptr) return kInvalidHandle;
  if (bytes == 0) return kSuccess;
  if (allocation_of(to, bytes) == nullptr) return kInvalidValue;
  return submit(stream, [=] { return fill(to, value, bytes); });
}
