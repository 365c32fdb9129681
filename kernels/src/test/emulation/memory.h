// The memory of the emulated devices: which bytes exist, which were ever written, and who touched them last.
//
// Addresses lie in a window of address space that the processor may not touch, so that only access() reaches
// the bytes: a kernel that follows a pointer past its View, and a host that reads device memory, end at once.
#ifndef TARTAN_EMULATION_MEMORY_H
#define TARTAN_EMULATION_MEMORY_H

#include <stdint.h>

namespace emulation {

// What kernels do to an element. Atomics do not conflict with atomics.
enum Access { kRead, kWrite, kAtomic };

// The accesses of one kind to a cell: the last one's time and thread. `who` may also stand for several
// threads.
struct Accesses {
  uint32_t time;
  uint16_t who;
  uint16_t elsewhere;  // 1 if another block of this launch did so too
};
constexpr uint16_t kManyOfWarp = 1 << 14;  // + warp
constexpr uint16_t kManyOfBlock = 1 << 15;

struct Cell {
  Accesses by[3];
};

// An allocation, or an array of shared memory.
struct Region {
  uintptr_t base;
  uint64_t size;       // 0 once freed
  uint64_t allocated;  // what size was
  char* data;
  uint8_t* written;  // a bit for each byte
  Cell* cells;  // one for each 2^shift bytes; null before the first access and where races are not looked for
  int shift;
  int device;
  const char* name;  // of an array of shared memory, else null
  bool follow;       // look for races
};

constexpr int kGranule =
    16;  // a region starts on a multiple of 2^kGranule bytes and has such a gap behind it

// The window.
struct Space {
  uintptr_t base;
  uint64_t granules;
  Region** regions;  // by granule
};
extern Space space;

// A region of `size` bytes, none of them written, at `misalign` bytes past the start of a granule. Null if
// there is no room.
Region* new_region(uint64_t size, int device, const char* name, uint32_t misalign);
// Marks it as freed, so that accesses to it are told from others.
void free_region(Region* region);
// Frees all allocations of a device.
void free_device(int device);
// Removes a region altogether.
void forget_region(Region* region);

// The region that holds an address or had held it, null if none.
inline Region* region_at(uintptr_t address) {
  const uint64_t granule = (address - space.base) >> kGranule;
  return granule < space.granules ? space.regions[granule] : nullptr;
}
// The live region that holds all of [address, address + bytes), else null.
Region* region_of(uintptr_t address, uint64_t bytes);

bool all_written(const Region* region, uint64_t offset, uint64_t bytes);
void set_written(Region* region, uint64_t offset, uint64_t bytes, bool written);
// Nothing of what came before is remembered: the clock starts anew.
void forget_accesses();

}  // namespace emulation

#endif
