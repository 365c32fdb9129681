// Arrays on the emulated device and launches without a driver.
#ifndef TARTAN_TESTS_FIXTURE_H
#define TARTAN_TESTS_FIXTURE_H

#include <string.h>

#include <string>
#include <vector>

#include "check.h"
#include "machine.h"
#include "memory.h"

namespace fixture {

// An allocation of n elements, freed at the end.
template <class T>
class Device {
 public:
  explicit Device(size_t n) : region_(emulation::new_region(n * sizeof(T), 0, nullptr, 0)), n_(n) {}
  explicit Device(const std::vector<T>& values) : Device(values.size()) { put(values); }
  Device(const Device&) = delete;
  ~Device() {
    if (region_ != nullptr) emulation::free_region(region_);
  }

  void put(const std::vector<T>& values) {
    memcpy(region_->data, values.data(), values.size() * sizeof(T));
    emulation::set_written(region_, 0, values.size() * sizeof(T), true);
  }
  std::vector<T> get() const {
    std::vector<T> values(n_);
    memcpy(values.data(), region_->data, n_ * sizeof(T));
    return values;
  }
  // The address, which stays after free().
  T* at() const { return reinterpret_cast<T*>(region_->base); }
  void free() { emulation::free_region(region_); }

 private:
  emulation::Region* region_;
  size_t n_;
};

template <class Arguments>
emulation::Outcome launch(const char* kernel, const Arguments& arguments, const emulation::Launch& how) {
  emulation::Launch launch = how;
  launch.kernel = emulation::find_kernel(kernel);
  launch.arguments = &arguments;
  if (launch.kernel == nullptr || launch.kernel->bytes != sizeof arguments) {
    return {emulation::Fault::kShared, "no kernel " + std::string(kernel)};
  }
  return emulation::run(launch);
}

inline emulation::Launch shape(uint32_t grid, uint32_t block, uint64_t seed = 1) {
  emulation::Launch launch;
  launch.grid[0] = grid;
  launch.block[0] = block;
  launch.seed = seed;
  return launch;
}

}  // namespace fixture

#endif
