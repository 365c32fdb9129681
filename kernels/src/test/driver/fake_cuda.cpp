// A libcuda.so.1 without a GPU: runs launches through the host emulation. This file: start, devices,
// contexts, errors.
//
// Settings, from the environment or by tartan_fake_set:
//   TARTAN_FAKE_DEVICES 1    TARTAN_FAKE_CAPABILITY 9.0    TARTAN_FAKE_MEMORY bytes a device, 1 GiB
//   TARTAN_FAKE_SEED 1       of the order in which threads and blocks run
//   TARTAN_FAKE_ASYNC 0      1: work waits until somebody synchronises
//   TARTAN_FAKE_RACES bytes  races are looked for in allocations up to this size, 1 MiB; 0: in shared memory
//   TARTAN_FAKE_FAIL         function:code:n[,...]: from its n-th call on, a function returns that code
// The first one counts at cuInit.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

namespace driver {

State state;
thread_local Context* current = nullptr;

namespace {

struct Failure {
  std::string function;
  int code;
  int from;
  int calls = 0;
};

std::map<std::string, std::string> overrides;
std::vector<Failure> failures;
std::map<std::string, uint64_t> calls;
Settings loaded;
bool is_loaded = false;

std::string setting(const char* name, const char* otherwise) {
  const auto found = overrides.find(name);
  if (found != overrides.end()) return found->second;
  const char* value = getenv(name);
  return value != nullptr ? value : otherwise;
}

std::vector<Failure> failures_of(const std::string& text) {
  std::vector<Failure> all;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    char function[64];
    int code, from = 1;
    if (sscanf(text.substr(begin, end - begin).c_str(), "%63[^:]:%d:%d", function, &code, &from) >= 2) {
      all.push_back({function, code, from});
    }
    begin = end + 1;
  }
  return all;
}

int injected(const char* function) {
  for (Failure& failure : failures) {
    if (failure.function == function && ++failure.calls >= failure.from) return failure.code;
  }
  return kSuccess;
}

struct Name {
  int code;
  const char* name;
  const char* text;
};
constexpr Name kNames[] = {
    {kSuccess, "CUDA_SUCCESS", "no error"},
    {kInvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {kNotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {kNoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {kInvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {kInvalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {kInvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {kNoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {kIllegalState, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {kNotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {kNotReady, "CUDA_ERROR_NOT_READY", "device not ready"},
    {kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {kLaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {kMisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {kLaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {kCaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {kCaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {kCaptureWrongThread, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const Name* name_of(int code) {
  for (const Name& name : kNames) {
    if (name.code == code) return &name;
  }
  return nullptr;
}

}  // namespace

void load_settings() {
  loaded.devices = atoi(setting("TARTAN_FAKE_DEVICES", "1").c_str());
  loaded.major = 9;
  loaded.minor = 0;
  sscanf(setting("TARTAN_FAKE_CAPABILITY", "9.0").c_str(), "%d.%d", &loaded.major, &loaded.minor);
  loaded.memory = strtoull(setting("TARTAN_FAKE_MEMORY", "1073741824").c_str(), nullptr, 10);
  loaded.seed = strtoull(setting("TARTAN_FAKE_SEED", "1").c_str(), nullptr, 10);
  loaded.race_limit = strtoull(setting("TARTAN_FAKE_RACES", "1048576").c_str(), nullptr, 10);
  loaded.async = setting("TARTAN_FAKE_ASYNC", "0") == "1";
  failures = failures_of(setting("TARTAN_FAKE_FAIL", ""));
  is_loaded = true;
}

const Settings& settings() {
  if (!is_loaded) load_settings();
  return loaded;
}

Call::Call(const char* name, Needs needs) : code(kSuccess), lock_(state.lock) {
  settings();
  calls[name]++;
  if (const int failure = injected(name)) {
    code = failure;
  } else if (needs != kNeedsNothing && !state.initialized) {
    code = kNotInitialized;
  } else if (needs == kNeedsContext && (current == nullptr || current->retained == 0)) {
    code = kInvalidContext;
  }
}

void complain(const std::string& text) {
  state.last_error = text;
  fprintf(stderr, "fake CUDA: %s\n", text.c_str());
}

}  // namespace driver

using namespace driver;

namespace {

constexpr int kMostShared[][3] = {{8, 0, 163 << 10}, {8, 6, 99 << 10},   {8, 7, 163 << 10}, {8, 9, 99 << 10},
                                  {9, 0, 227 << 10}, {10, 0, 227 << 10}, {12, 0, 99 << 10}};

}  // namespace

// Bytes of shared memory that a block may have at most, by capability.
int most_shared_of_device() {
  for (const auto& [major, minor, bytes] : kMostShared) {
    if (major == settings().major && minor == settings().minor) return bytes;
  }
  return 99 << 10;
}

namespace {

// CUdevice_attribute
int attribute_of(int attribute, int device) {
  switch (attribute) {
    case 1:
      return 1024;  // MAX_THREADS_PER_BLOCK
    case 2:
    case 3:
      return 1024;  // MAX_BLOCK_DIM_X, _Y
    case 4:
      return 64;  // MAX_BLOCK_DIM_Z
    case 5:
      return 2147483647;  // MAX_GRID_DIM_X
    case 6:
    case 7:
      return 65535;  // MAX_GRID_DIM_Y, _Z
    case 8:
      return 48 << 10;  // MAX_SHARED_MEMORY_PER_BLOCK
    case 9:
      return 64 << 10;  // TOTAL_CONSTANT_MEMORY
    case 10:
      return 32;  // WARP_SIZE
    case 11:
      return 2147483647;  // MAX_PITCH
    case 12:
      return 65536;  // MAX_REGISTERS_PER_BLOCK
    case 13:
      return 1500000;  // CLOCK_RATE, kHz
    case 14:
      return 512;  // TEXTURE_ALIGNMENT
    case 15:
      return 1;  // GPU_OVERLAP
    case 16:
      return 4;  // MULTIPROCESSOR_COUNT
    case 19:
      return 1;  // CAN_MAP_HOST_MEMORY
    case 31:
      return 1;  // CONCURRENT_KERNELS
    case 33:
      return device;  // PCI_BUS_ID
    case 36:
      return 1000000;  // MEMORY_CLOCK_RATE, kHz
    case 37:
      return 256;  // GLOBAL_MEMORY_BUS_WIDTH, bits
    case 38:
      return 4 << 20;  // L2_CACHE_SIZE
    case 39:
      return 2048;  // MAX_THREADS_PER_MULTIPROCESSOR
    case 40:
      return 2;  // ASYNC_ENGINE_COUNT
    case 41:
      return 1;  // UNIFIED_ADDRESSING
    case 75:
      return settings().major;  // COMPUTE_CAPABILITY_MAJOR
    case 76:
      return settings().minor;  // COMPUTE_CAPABILITY_MINOR
    case 78:
      return 1;  // STREAM_PRIORITIES_SUPPORTED
    case 81:
      return most_shared_of_device() + 1024;  // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    case 82:
      return 65536;  // MAX_REGISTERS_PER_MULTIPROCESSOR
    case 97:
      return most_shared_of_device();  // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 106:
      return 16;  // MAX_BLOCKS_PER_MULTIPROCESSOR
    case 111:
      return 1024;  // RESERVED_SHARED_MEMORY_PER_BLOCK
    default:
      return 0;
  }
}

template <class T>
void destroy_all(std::set<T*>* all, const Context* context) {
  std::erase_if(*all, [&](T* each) {
    const bool own = each->context == context;
    if (own) delete each;
    return own;
  });
}

// What a primary context owns ends with it.
void destroy(const Context* context) {
  std::erase_if(state.functions, [&](const Function* each) { return each->module->context == context; });
  destroy_all(&state.modules, context);
  destroy_all(&state.streams, context);
  destroy_all(&state.events, context);
  destroy_all(&state.executables, context);
  emulation::free_device(context->device);
  state.used[context->device] = 0;
}

int device_count() { return static_cast<int>(state.contexts.size()); }
bool is_device(int device) { return device >= 0 && device < device_count(); }

}  // namespace

EXPORT void tartan_fake_set(const char* name, const char* value) {
  const std::lock_guard<std::recursive_mutex> lock(state.lock);
  overrides[name] = value;
  load_settings();
}

// How often a function was called.
EXPORT uint64_t tartan_fake_calls(const char* function) {
  const std::lock_guard<std::recursive_mutex> lock(state.lock);
  return calls[function];
}

EXPORT const char* tartan_fake_last_error() { return state.last_error.c_str(); }

EXPORT int cuInit(unsigned flags) {
  ENTER(kNeedsNothing);
  if (flags != 0) return kInvalidValue;
  if (state.initialized) return kSuccess;
  load_settings();
  if (settings().devices <= 0) return kNoDevice;
  state.contexts.resize(settings().devices);
  state.default_streams.resize(settings().devices);
  state.used.resize(settings().devices);
  for (int i = 0; i < settings().devices; i++) {
    state.contexts[i].device = i;
    state.default_streams[i].context = &state.contexts[i];
  }
  state.initialized = true;
  return kSuccess;
}

EXPORT int cuDriverGetVersion(int* version) {
  ENTER(kNeedsNothing);
  if (version == nullptr) return kInvalidValue;
  *version = 13000;
  return kSuccess;
}

EXPORT int cuDeviceGetCount(int* count) {
  ENTER(kNeedsInit);
  if (count == nullptr) return kInvalidValue;
  *count = device_count();
  return kSuccess;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
  ENTER(kNeedsInit);
  if (device == nullptr) return kInvalidValue;
  if (!is_device(ordinal)) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

EXPORT int cuDeviceGetName(char* name, int bytes, int device) {
  ENTER(kNeedsInit);
  if (name == nullptr || bytes <= 0) return kInvalidValue;
  if (!is_device(device)) return kInvalidDevice;
  snprintf(name, bytes, "Tartan host emulation");
  return kSuccess;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER(kNeedsInit);
  if (value == nullptr || attribute <= 0) return kInvalidValue;
  if (!is_device(device)) return kInvalidDevice;
  *value = attribute_of(attribute, device);
  return kSuccess;
}

EXPORT int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  ENTER(kNeedsInit);
  if (bytes == nullptr) return kInvalidValue;
  if (!is_device(device)) return kInvalidDevice;
  *bytes = settings().memory;
  return kSuccess;
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
  ENTER(kNeedsInit);
  if (context == nullptr) return kInvalidValue;
  if (!is_device(device)) return kInvalidDevice;
  state.contexts[device].retained++;
  *context = &state.contexts[device];
  return kSuccess;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(kNeedsInit);
  if (!is_device(device)) return kInvalidDevice;
  if (state.contexts[device].retained == 0) return kInvalidContext;
  if (--state.contexts[device].retained == 0) destroy(&state.contexts[device]);
  return kSuccess;
}

EXPORT int cuCtxSetCurrent(void* context) {
  ENTER(kNeedsInit);
  if (context == nullptr) {
    current = nullptr;
    return kSuccess;
  }
  for (Context& each : state.contexts) {
    if (&each != context || each.retained == 0) continue;
    current = &each;
    return kSuccess;
  }
  return kInvalidContext;
}

EXPORT int cuCtxGetCurrent(void** context) {
  ENTER(kNeedsInit);
  if (context == nullptr) return kInvalidValue;
  *context = current;
  return kSuccess;
}

EXPORT int cuCtxGetDevice(int* device) {
  ENTER(kNeedsContext);
  if (device == nullptr) return kInvalidValue;
  *device = current->device;
  return kSuccess;
}

EXPORT int cuCtxSynchronize() {
  ENTER(kNeedsContext);
  if (const int refused = refuse_during_capture()) return refused;
  return drain_all();
}

EXPORT int cuGetErrorName(int code, const char** name) {
  if (name == nullptr) return kInvalidValue;
  const Name* found = name_of(code);
  *name = found == nullptr ? nullptr : found->name;
  return found == nullptr ? kInvalidValue : kSuccess;
}

EXPORT int cuGetErrorString(int code, const char** text) {
  if (text == nullptr) return kInvalidValue;
  const Name* found = name_of(code);
  *text = found == nullptr ? nullptr : found->text;
  return found == nullptr ? kInvalidValue : kSuccess;
}
