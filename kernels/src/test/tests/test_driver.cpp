// The fake driver through its ABI, with tartan_accumulate_centroids.
#include <math.h>
#include <string.h>

#include <string>
#include <thread>
#include <vector>

#include "arguments.cuh"
#include "check.h"
#include "count.h"
#include "driver_calls.h"

namespace {

constexpr char kPtx[] = "//\n.version 8.0\n.target sm_80\n";
constexpr int kRows = 40, kCentroids = 5, kDim = 64;

void* context() {
  static void* made = [] {
    void* handle = nullptr;
    cuInit(0);
    cuDevicePrimaryCtxRetain(&handle, 0);
    return handle;
  }();
  cuCtxSetCurrent(made);
  return made;
}

uint64_t allocate(size_t bytes) {
  uint64_t address = 0;
  CHECK(cuMemAlloc_v2(&address, bytes) == 0);
  return address;
}

void* function_of(const char* name) {
  static void* module = nullptr;
  if (module == nullptr) CHECK(cuModuleLoadData(&module, kPtx) == 0);
  void* function = nullptr;
  CHECK(cuModuleGetFunction(&function, module, name) == 0);
  return function;
}

// One step of k-means on the device.
struct Step {
  Step() : rows(kRows * kDim), codes(kRows) {
    context();
    function = function_of("tartan_accumulate_centroids");
    for (int i = 0; i < kRows * kDim; i++) rows[i] = sinf(static_cast<float>(i));
    for (int i = 0; i < kRows; i++) codes[i] = i * i % kCentroids;
    arguments.rows = reinterpret_cast<const float*>(allocate(rows.size() * 4));
    arguments.codes = reinterpret_cast<const int32_t*>(allocate(codes.size() * 4));
    arguments.sums = reinterpret_cast<int64_t*>(allocate(kCentroids * kDim * 8));
    arguments.counts = reinterpret_cast<int64_t*>(allocate(kCentroids * 8));
    arguments.status = reinterpret_cast<int32_t*>(allocate(4));
    arguments.n = kRows;
    arguments.count = kCentroids;
    arguments.dim = kDim;
  }
  ~Step() {
    for (const void* each :
         {static_cast<const void*>(arguments.rows), static_cast<const void*>(arguments.codes),
          static_cast<const void*>(arguments.sums), static_cast<const void*>(arguments.counts),
          static_cast<const void*>(arguments.status)}) {
      CHECK(cuMemFree_v2(address(each)) == 0);
    }
  }
  static uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

  int upload(void* stream) const {
    return cuMemcpyHtoDAsync_v2(address(arguments.rows), rows.data(), rows.size() * 4, stream) |
           cuMemcpyHtoDAsync_v2(address(arguments.codes), codes.data(), codes.size() * 4, stream);
  }
  int clear(void* stream) const {
    return cuMemsetD8Async(address(arguments.sums), 0, kCentroids * kDim * 8, stream) |
           cuMemsetD8Async(address(arguments.counts), 0, kCentroids * 8, stream) |
           cuMemsetD8Async(address(arguments.status), 0, 4, stream);
  }
  int launch(void* stream) {
    void* parameters[] = {&arguments};
    return cuLaunchKernel(function, 3, 1, 1, 256, 1, 1, 0, stream, parameters, nullptr);
  }
  std::vector<int64_t> counts() const {
    std::vector<int64_t> values(kCentroids);
    CHECK(cuMemcpyDtoH_v2(values.data(), address(arguments.counts), kCentroids * 8) == 0);
    return values;
  }
  std::vector<int64_t> expected() const {
    std::vector<int64_t> values(kCentroids);
    for (int32_t code : codes) values[code]++;
    return values;
  }

  std::vector<float> rows;
  std::vector<int32_t> codes;
  void* function;
  AccumulateCentroidsArguments arguments = {};
};

struct Stream {
  explicit Stream(unsigned flags = 1) {
    context();
    CHECK(cuStreamCreate(&handle, flags) == 0);
  }
  ~Stream() { CHECK(cuStreamDestroy_v2(handle) == 0); }
  void* handle = nullptr;
};

struct Async {
  Async() { tartan_fake_set("TARTAN_FAKE_ASYNC", "1"); }
  ~Async() { tartan_fake_set("TARTAN_FAKE_ASYNC", "0"); }
};

}  // namespace

// Must run first.
TEST(before_init) {
  int count = 0;
  void* handle = nullptr;
  CHECK(cuDeviceGetCount(&count) == 3);
  CHECK(cuDevicePrimaryCtxRetain(&handle, 0) == 3);
  CHECK(cuCtxSynchronize() == 3);
  CHECK(cuDriverGetVersion(&count) == 0 && count >= 12000);
  tartan_fake_set("TARTAN_FAKE_DEVICES", "0");
  CHECK(cuInit(0) == 100);
  tartan_fake_set("TARTAN_FAKE_DEVICES", "2");
  CHECK(cuInit(1) == 1);
  CHECK(cuInit(0) == 0);
  uint64_t address = 0;
  CHECK(cuMemAlloc_v2(&address, 16) == 201);
}

TEST(devices) {
  context();
  int value = 0;
  CHECK(cuDeviceGetCount(&value) == 0 && value == 2);
  CHECK(cuDeviceGet(&value, 2) == 101);
  CHECK(cuDeviceGetAttribute(&value, 75, 0) == 0 && value == 9);
  CHECK(cuDeviceGetAttribute(&value, 97, 0) == 0 && value == 227 * 1024);
  char name[8];
  CHECK(cuDeviceGetName(name, sizeof name, 0) == 0 && strcmp(name, "Tartan ") == 0);
  const char* text = nullptr;
  CHECK(cuGetErrorName(700, &text) == 0 && strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
  CHECK(cuGetErrorString(2, &text) == 0 && strcmp(text, "out of memory") == 0);
  CHECK(cuGetErrorName(12345, &text) == 1);
}

TEST(contexts) {
  void* second = nullptr;
  void* now = nullptr;
  void* first = context();
  CHECK(cuDevicePrimaryCtxRetain(&second, 1) == 0);
  CHECK(cuCtxGetCurrent(&now) == 0 && now == first);
  const uint64_t address = allocate(64);
  CHECK(cuCtxSetCurrent(second) == 0);
  CHECK(cuMemsetD8Async(address, 0, 64, nullptr) == 1);  // of the first device
  const uint64_t own = allocate(64);
  CHECK(cuDevicePrimaryCtxRelease_v2(1) == 0);
  CHECK(cuCtxSynchronize() == 201);
  CHECK(cuDevicePrimaryCtxRetain(&second, 1) == 0 && cuCtxSetCurrent(second) == 0);
  CHECK(cuMemFree_v2(own) == 1);  // gone with its context
  CHECK(cuDevicePrimaryCtxRelease_v2(1) == 0);
  CHECK(cuCtxSetCurrent(second) == 201);
  std::thread([] {
    uint64_t other = 0;
    CHECK(cuMemAlloc_v2(&other, 16) == 201);  // no context on this thread
  }).join();
  context();
  CHECK(cuMemFree_v2(address) == 0);
}

TEST(memory) {
  context();
  size_t before = 0, total = 0, after = 0;
  CHECK(cuMemGetInfo_v2(&before, &total) == 0 && total == 1 << 30);
  const uint64_t address = allocate(1000);
  CHECK(cuMemGetInfo_v2(&after, &total) == 0 && after == before - 1000);
  char bytes[1001] = {7};
  CHECK(cuMemcpyHtoD_v2(address, bytes, 1000) == 0);
  CHECK(cuMemcpyHtoD_v2(address, bytes, 1001) == 1);
  CHECK(cuMemcpyHtoD_v2(address + 1, bytes, 1000) == 1);
  CHECK(cuMemcpyDtoH_v2(bytes, address - 1, 4) == 1);
  CHECK(cuMemFree_v2(address + 8) == 1);
  CHECK(cuMemFree_v2(address) == 0);
  CHECK(cuMemFree_v2(address) == 1);
  CHECK(cuMemcpyDtoH_v2(bytes, address, 4) == 1);
  uint64_t much = 0;
  CHECK(cuMemAlloc_v2(&much, (1 << 30) + 1) == 2);
  CHECK(cuMemAlloc_v2(&much, 0) == 1);
  void* pinned = nullptr;
  CHECK(cuMemHostAlloc(&pinned, 100, 0) == 0);
  CHECK(cuMemFreeHost(bytes) == 1);
  CHECK(cuMemFreeHost(pinned) == 0);
}

TEST(modules) {
  context();
  void* module = nullptr;
  void* function = nullptr;
  unsigned char elf[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 65, 8};
  elf[49] = 90;  // sm_90 in the second byte of the flags
  CHECK(cuModuleLoadData(&module, elf) == 0);
  CHECK(cuModuleUnload(module) == 0);
  CHECK(cuModuleUnload(module) == 400);
  elf[49] = 80;
  CHECK(cuModuleLoadData(&module, elf) == 209);
  elf[8] = 7;
  elf[48] = 90;  // before CUDA 13 in the first
  CHECK(cuModuleLoadData(&module, elf) == 0);
  CHECK(cuModuleGetFunction(&function, module, "tartan_nothing") == 500);
  CHECK(cuModuleUnload(module) == 0);
  CHECK(cuModuleLoadData(&module, "no image") == 200);
  CHECK(cuModuleLoadData(&module, ".version 8.0\n.visible .entry other(\n") == 0);
  CHECK(cuModuleGetFunction(&function, module, "tartan_accumulate_centroids") == 500);
  CHECK(cuModuleUnload(module) == 0);
}

TEST(launches) {
  Step step;
  const Stream stream;
  void* parameters[] = {&step.arguments};
  const auto launch = [&](unsigned grid_x, unsigned grid_y, unsigned block, unsigned shared) {
    return cuLaunchKernel(step.function, grid_x, grid_y, 1, block, 1, 1, shared, stream.handle, parameters,
                          nullptr);
  };
  CHECK(launch(0, 1, 256, 0) == 1);
  CHECK(launch(1, 65536, 256, 0) == 1);
  CHECK(launch(1, 1, 1025, 0) == 1);
  CHECK(launch(1, 1, 512, 0) == 701);
  CHECK(launch(1, 1, 256, 48 * 1024 + 1) == 1);
  CHECK(cuFuncSetAttribute(step.function, 8, 227 * 1024 + 1) == 1);
  CHECK(cuFuncSetAttribute(step.function, 8, 227 * 1024) == 0);
  CHECK(step.upload(stream.handle) == 0 && step.clear(stream.handle) == 0);
  CHECK(launch(1, 1, 256, 227 * 1024) == 0);
  CHECK(cuStreamSynchronize(stream.handle) == 0);
  CHECK(step.counts() == step.expected());
  CHECK(cuLaunchKernel(parameters, 1, 1, 1, 32, 1, 1, 0, stream.handle, parameters, nullptr) == 400);
}

TEST(faults) {
  Step step;
  const Stream stream;
  CHECK(step.upload(stream.handle) == 0 && step.clear(stream.handle) == 0);
  step.arguments.n = kRows + 1;
  CHECK(step.launch(stream.handle) == 0);
  CHECK(cuStreamSynchronize(stream.handle) == 700);
  CHECK(strstr(tartan_fake_last_error(), "tartan_accumulate_centroids: block (") != nullptr);
  step.arguments.n = kRows;
  CHECK(step.clear(stream.handle) == 0 && step.launch(stream.handle) == 0);
  CHECK(cuStreamSynchronize(stream.handle) == 0);
  CHECK(step.counts() == step.expected());
  step.arguments.codes =
      reinterpret_cast<const int32_t*>(reinterpret_cast<const char*>(step.arguments.codes) + 2);
  CHECK(step.launch(stream.handle) == 0);
  CHECK(cuStreamSynchronize(stream.handle) == 716);
  step.arguments.codes =
      reinterpret_cast<const int32_t*>(reinterpret_cast<const char*>(step.arguments.codes) - 2);
}

TEST(failures_by_order) {
  context();
  tartan_fake_set("TARTAN_FAKE_FAIL", "cuMemAlloc_v2:2:2,cuCtxSynchronize:999");
  uint64_t address = 0, more = 0;
  CHECK(cuMemAlloc_v2(&address, 16) == 0);
  CHECK(cuMemAlloc_v2(&more, 16) == 2);
  CHECK(cuCtxSynchronize() == 999);
  tartan_fake_set("TARTAN_FAKE_FAIL", "");
  CHECK(cuMemFree_v2(address) == 0);
}

TEST(late_work) {
  const Async async;
  Step step;
  const Stream stream;
  std::vector<int64_t> early(kCentroids, -1);
  void* pinned = nullptr;
  CHECK(cuMemHostAlloc(&pinned, kCentroids * 8, 0) == 0);
  memset(pinned, 0xff, kCentroids * 8);
  CHECK(step.upload(stream.handle) == 0 && step.clear(stream.handle) == 0);
  step.codes.assign(kRows, 0);  // pageable bytes were taken
  CHECK(step.launch(stream.handle) == 0);
  CHECK(cuMemcpyDtoHAsync_v2(pinned, Step::address(step.arguments.counts), kCentroids * 8, stream.handle) ==
        0);
  CHECK(memcmp(pinned, early.data(), kCentroids * 8) == 0);  // nothing has happened
  CHECK(cuStreamSynchronize(stream.handle) == 0);
  for (int i = 0; i < kRows; i++) step.codes[i] = i * i % kCentroids;
  CHECK(memcmp(pinned, step.expected().data(), kCentroids * 8) == 0);
  CHECK(cuMemcpyDtoHAsync_v2(early.data(), Step::address(step.arguments.counts), kCentroids * 8,
                             stream.handle) == 0);
  CHECK(early == step.expected());  // to pageable memory at once
  // From pinned memory the bytes are taken when the stream comes there.
  CHECK(cuMemcpyHtoDAsync_v2(Step::address(step.arguments.counts), pinned, kCentroids * 8, stream.handle) ==
        0);
  memset(pinned, 0, kCentroids * 8);
  CHECK(cuStreamSynchronize(stream.handle) == 0);
  CHECK(step.counts() == std::vector<int64_t>(kCentroids, 0));
  CHECK(cuMemFreeHost(pinned) == 0);
}

TEST(events) {
  const Async async;
  const Stream stream;
  void* first = nullptr;
  void* second = nullptr;
  float milliseconds = -1;
  CHECK(cuEventCreate(&first, 0) == 0 && cuEventCreate(&second, 0) == 0);
  CHECK(cuEventElapsedTime(&milliseconds, first, second) == 400);
  CHECK(cuEventRecord(first, stream.handle) == 0 && cuEventRecord(second, stream.handle) == 0);
  CHECK(cuEventSynchronize(first) == 0);
  CHECK(cuEventElapsedTime(&milliseconds, first, second) == 600);
  CHECK(cuEventSynchronize(second) == 0);
  CHECK(cuEventElapsedTime(&milliseconds, first, second) == 0 && milliseconds >= 0);
  CHECK(cuEventDestroy_v2(first) == 0 && cuEventDestroy_v2(second) == 0);
  CHECK(cuEventDestroy_v2(second) == 400);
}

TEST(graphs) {
  Step step;
  const Stream stream;
  void* graph = nullptr;
  void* executable = nullptr;
  CHECK(step.upload(stream.handle) == 0);
  CHECK(cuStreamEndCapture(stream.handle, &graph) == 401);
  CHECK(cuStreamBeginCapture_v2(nullptr, 0) == 900);
  CHECK(cuStreamBeginCapture_v2(stream.handle, 0) == 0);
  CHECK(cuStreamBeginCapture_v2(stream.handle, 0) == 401);
  CHECK(step.clear(stream.handle) == 0 && step.launch(stream.handle) == 0 && step.launch(stream.handle) == 0);
  CHECK(cuStreamEndCapture(stream.handle, &graph) == 0);
  CHECK(cuGraphInstantiateWithFlags(&executable, graph, 0) == 0);
  CHECK(cuGraphDestroy(graph) == 0);
  for (int i = 0; i < 3; i++) {
    CHECK(cuGraphLaunch(executable, stream.handle) == 0);
    CHECK(cuStreamSynchronize(stream.handle) == 0);
    std::vector<int64_t> twice = step.expected();
    for (int64_t& count : twice) count *= 2;
    CHECK(step.counts() == twice);
  }
  CHECK(cuGraphExecDestroy(executable) == 0);
  CHECK(cuGraphLaunch(executable, stream.handle) == 400);
  // What may not be done meanwhile ends the capture.
  CHECK(cuStreamBeginCapture_v2(stream.handle, 1) == 0);
  std::thread([] {
    context();
    CHECK(cuMemFree_v2(allocate(16)) == 0);  // elsewhere it may
  }).join();
  CHECK(cuStreamSynchronize(stream.handle) == 900);
  CHECK(step.launch(stream.handle) == 901);
  CHECK(cuStreamEndCapture(stream.handle, &graph) == 901 && graph == nullptr);
  CHECK(cuStreamSynchronize(stream.handle) == 0);
}

// Rows and codes are read once; every thread of a block reads the code of its row.
TEST(counts_on_demand) {
  const Stream stream;
  Step step;
  CHECK(step.upload(stream.handle) == 0 && step.clear(stream.handle) == 0);
  tartan_fake_count(1);
  CHECK(step.launch(stream.handle) == 0 && cuStreamSynchronize(stream.handle) == 0);
  tartan_fake_count(0);
  CHECK(step.launch(stream.handle) == 0 && cuStreamSynchronize(stream.handle) == 0);
  emulation::Traffic traffic;
  const auto counted = [&](const void* pointer) {
    return tartan_fake_counted(Step::address(pointer), reinterpret_cast<uint64_t*>(&traffic));
  };
  CHECK(counted(step.arguments.rows) == 0);
  CHECK(traffic.read == kRows * kDim * 4 && traffic.distinct == traffic.read && traffic.written == 0);
  CHECK(traffic.requested == traffic.read && traffic.sectors == traffic.read);
  CHECK(counted(step.arguments.codes) == 0);
  CHECK(traffic.read == kRows * 4 * 256 && traffic.requested == kRows * 4 * 8);
  CHECK(traffic.distinct == kRows * 4 && traffic.distinct_sectors == kRows * 4);
  CHECK(counted(step.arguments.sums) == 0);
  CHECK(traffic.written == kRows * kDim * 8);
  CHECK(counted(nullptr) == 0 && traffic.read == 0);
  tartan_fake_count(1);
  tartan_fake_count(0);
  CHECK(counted(step.arguments.rows) == 0 && traffic.read == 0);
}
