// Modules, functions and launches of the fake driver.
#include <string.h>

#include "count.h"
#include "state.h"

int most_shared_of_device();

using namespace driver;

namespace {

constexpr char kElf[] = "\177ELF";

uint32_t word(const char* at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

// The end of an ELF file by its section headers, which cubins have behind all else.
size_t elf_bytes(const char* image) {
  uint64_t sections;
  memcpy(&sections, image + 40, sizeof sections);
  uint16_t entry, count;
  memcpy(&entry, image + 58, sizeof entry);
  memcpy(&count, image + 60, sizeof count);
  uint64_t segments;
  memcpy(&segments, image + 32, sizeof segments);
  uint16_t segment_entry, segment_count;
  memcpy(&segment_entry, image + 54, sizeof segment_entry);
  memcpy(&segment_count, image + 56, sizeof segment_count);
  const uint64_t a = sections + uint64_t{entry} * count,
                 b = segments + uint64_t{segment_entry} * segment_count;
  return a > b ? a : b;
}

// The architecture of a cubin, as 10 * major + minor. ABI version 8 (CUDA 13) has it in the second byte of
// the flags.
int architecture_of(const char* elf) {
  const uint32_t flags = word(elf + 48);
  return static_cast<int>(elf[8] >= 8 ? flags >> 8 & 0xff : flags & 0xff);
}

// Whether the image has a kernel; one that names no kernel at all stands for all.
bool has_kernel(const std::string& image, const std::string& name) {
  const bool elf = image.compare(0, 4, kElf) == 0;
  const std::string prefix = elf ? ".text." : ".entry ";
  if (image.find(prefix) == std::string::npos) return true;
  for (size_t at = image.find(prefix + name); at != std::string::npos;
       at = image.find(prefix + name, at + 1)) {
    const char next = image[at + prefix.size() + name.size()];
    if (elf ? next == '\0' : next == '(' || next == ' ' || next == '\n') return true;
  }
  return false;
}

int result_of(emulation::Fault fault) {
  switch (fault) {
    case emulation::Fault::kNone:
      return kSuccess;
    case emulation::Fault::kAddress:
      return kIllegalAddress;
    case emulation::Fault::kMisaligned:
      return kMisalignedAddress;
    default:
      return kLaunchFailed;
  }
}

int launch(const emulation::Launch& request, const std::string& arguments) {
  emulation::Launch launch = request;
  launch.arguments = arguments.data();
  launch.seed = settings().seed * 1000003 + state.launches++;
  launch.most_followed = settings().race_limit;
  const emulation::Outcome outcome = emulation::run(launch);
  if (outcome.fault != emulation::Fault::kNone) complain(outcome.text);
  return result_of(outcome.fault);
}

int check_sizes(const Function& function, const emulation::Launch& launch) {
  const uint32_t* grid = launch.grid;
  const uint32_t* block = launch.block;
  const uint64_t threads = uint64_t{block[0]} * block[1] * block[2];
  if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || threads == 0) return kInvalidValue;
  if (grid[0] > 0x7fffffff || grid[1] > 65535 || grid[2] > 65535) return kInvalidValue;
  if (block[0] > 1024 || block[1] > 1024 || block[2] > 64 || threads > 1024) return kInvalidValue;
  if (launch.dynamic_bytes > static_cast<uint32_t>(function.most_dynamic)) return kInvalidValue;
  if (threads > static_cast<uint64_t>(function.kernel->threads)) return kLaunchOutOfResources;
  return kSuccess;
}

// By `parameters`, one structure, or by `extra`: the pointer to a buffer and that to its size.
int read_arguments(const emulation::Kernel& kernel, void** parameters, void** extra, std::string* bytes) {
  if (parameters != nullptr) {
    if (parameters[0] == nullptr) return kInvalidValue;
    bytes->assign(static_cast<const char*>(parameters[0]), kernel.bytes);
    return kSuccess;
  }
  const void* buffer = nullptr;
  size_t size = 0;
  for (; extra != nullptr && *extra != nullptr; extra += 2) {
    if (extra[0] == reinterpret_cast<void*>(1)) buffer = extra[1];
    if (extra[0] == reinterpret_cast<void*>(2)) size = *static_cast<const size_t*>(extra[1]);
  }
  if (buffer == nullptr || size != kernel.bytes) return kInvalidValue;
  bytes->assign(static_cast<const char*>(buffer), size);
  return kSuccess;
}

}  // namespace

EXPORT int cuModuleLoadData(void** module, const void* image) {
  ENTER(kNeedsContext);
  if (module == nullptr || image == nullptr) return kInvalidValue;
  if (const int refused = refuse_during_capture()) return refused;
  const char* bytes = static_cast<const char*>(image);
  size_t size;
  if (memcmp(bytes, kElf, 4) == 0) {
    const int own = settings().major * 10 + settings().minor, architecture = architecture_of(bytes);
    if (architecture / 10 != own / 10 || architecture > own) return kNoBinaryForGpu;
    size = elf_bytes(bytes);
  } else {
    size = strnlen(bytes, 1 << 28);
    if (strstr(bytes, ".version") == nullptr) return kInvalidImage;
  }
  Module* made = new Module{current, std::string(bytes, size), {}};
  state.modules.insert(made);
  *module = made;
  return kSuccess;
}

EXPORT int cuModuleUnload(void* handle) {
  ENTER(kNeedsContext);
  Module* module = live(state.modules, handle);
  if (module == nullptr || module->context != current) return kInvalidHandle;
  if (const int error = drain_all()) return error;
  for (const auto& [name, function] : module->functions) state.functions.erase(function.get());
  state.modules.erase(module);
  delete module;
  return kSuccess;
}

EXPORT int cuModuleGetFunction(void** function, void* handle, const char* name) {
  ENTER(kNeedsContext);
  if (function == nullptr || name == nullptr) return kInvalidValue;
  Module* module = live(state.modules, handle);
  if (module == nullptr || module->context != current) return kInvalidHandle;
  const emulation::Kernel* kernel = emulation::find_kernel(name);
  if (kernel == nullptr || !has_kernel(module->image, name)) return kNotFound;
  std::unique_ptr<Function>& made = module->functions[name];
  if (made == nullptr) {
    made.reset(new Function{kernel, module});
    state.functions.insert(made.get());
  }
  *function = made.get();
  return kSuccess;
}

// CUfunction_attribute 8: MAX_DYNAMIC_SHARED_SIZE_BYTES, 9: PREFERRED_SHARED_MEMORY_CARVEOUT
EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
  ENTER(kNeedsContext);
  Function* function = live(state.functions, handle);
  if (function == nullptr) return kInvalidHandle;
  if (attribute == 9) return value >= -1 && value <= 100 ? kSuccess : kInvalidValue;
  if (attribute != 8 || value < 0 || value > most_shared_of_device()) return kInvalidValue;
  function->most_dynamic = value;
  return kSuccess;
}

EXPORT int cuFuncGetAttribute(int* value, int attribute, void* handle) {
  ENTER(kNeedsContext);
  if (value == nullptr) return kInvalidValue;
  const Function* function = live(state.functions, handle);
  if (function == nullptr) return kInvalidHandle;
  const int version = settings().major * 10 + settings().minor;
  switch (attribute) {
    case 0:
      *value = function->kernel->threads;
      break;  // MAX_THREADS_PER_BLOCK
    case 1:
    case 2:
    case 3:
      *value = 0;
      break;  // SHARED_, CONST_, LOCAL_SIZE_BYTES: not known
    case 4:
      *value = 32;
      break;  // NUM_REGS: not known
    case 5:
    case 6:
      *value = version;
      break;  // PTX_, BINARY_VERSION
    case 8:
      *value = function->most_dynamic;
      break;
    default:
      *value = 0;
  }
  return kSuccess;
}

EXPORT int cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream_handle,
                          void** parameters, void** extra) {
  ENTER(kNeedsContext);
  const Function* function = live(state.functions, handle);
  if (function == nullptr || function->module->context != current) return kInvalidHandle;
  Stream* stream = stream_of(stream_handle);
  if (stream == nullptr) return kInvalidHandle;
  emulation::Launch request;
  request.kernel = function->kernel;
  const uint32_t sizes[] = {grid_x, grid_y, grid_z, block_x, block_y, block_z};
  memcpy(request.grid, sizes, sizeof request.grid);
  memcpy(request.block, sizes + 3, sizeof request.block);
  request.dynamic_bytes = shared_bytes;
  request.most_shared =
      static_cast<uint32_t>(function->most_dynamic > (48 << 10) ? most_shared_of_device() : 48 << 10);
  request.device = current->device;
  if (const int wrong = check_sizes(*function, request)) return wrong;
  std::string arguments;
  if (const int wrong = read_arguments(*function->kernel, parameters, extra, &arguments)) return wrong;
  return submit(stream, [request, arguments] { return launch(request, arguments); });
}

// What launches ask for is counted from now on, starting at zero, or no longer.
EXPORT void tartan_fake_count(int on) {
  const std::lock_guard<std::recursive_mutex> lock(state.lock);
  if (on != 0) {
    emulation::start_counting();
  } else {
    emulation::stop_counting();
  }
}

// What was counted of the allocation at an address, 0 for shared memory: the fields of Traffic (count.h), zeros if it was not
// touched. Returns how many mma warps have done.
EXPORT uint64_t tartan_fake_counted(uint64_t address, uint64_t* traffic) {
  const std::lock_guard<std::recursive_mutex> lock(state.lock);
  emulation::Counts counts = emulation::counted();
  const emulation::Traffic& found = address == 0 ? counts.shared : counts.allocations[address];
  memcpy(traffic, &found, sizeof found);
  return counts.mma;
}
