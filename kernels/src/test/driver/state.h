// What the calls of the fake driver share: handles, the lock, settings and checks at the entry of each call.
#ifndef TARTAN_DRIVER_STATE_H
#define TARTAN_DRIVER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "machine.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace driver {

// CUresult
enum Result : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kNoBinaryForGpu = 209,
  kInvalidHandle = 400,
  kIllegalState = 401,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kMisalignedAddress = 716,
  kLaunchFailed = 719,
  kCaptureUnsupported = 900,
  kCaptureInvalidated = 901,
  kCaptureWrongThread = 908,
};

using Work = std::function<int()>;

struct Context {
  int device = 0;
  int retained = 0;  // 0: destroyed
};

struct Module;
struct Function {
  const emulation::Kernel* kernel = nullptr;
  Module* module = nullptr;
  int most_dynamic = 48 << 10;
};
struct Module {
  Context* context = nullptr;
  std::string image;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Graph {
  std::vector<Work> works;
};

struct Stream {
  Context* context = nullptr;
  unsigned flags = 0;  // 1: does not wait for the default stream
  std::deque<Work> queue;
  int error = kSuccess;  // of work that failed, until a call returns it
  std::unique_ptr<Graph> capture;
  bool invalidated = false;
  int capture_mode = 0;
  std::thread::id capture_thread;
};

struct Event {
  Context* context = nullptr;
  Stream* stream = nullptr;  // where it was recorded last
  uint64_t recorded = 0;     // how often
  uint64_t reached = 0;      // which of these has happened
  double milliseconds = 0;
};

struct Executable {
  Context* context = nullptr;
  std::vector<Work> works;
};

struct Settings {
  int devices;
  int major, minor;
  uint64_t memory;
  uint64_t seed;
  uint64_t race_limit;
  bool async;
};

struct State {
  std::recursive_mutex lock;
  bool initialized = false;
  std::vector<Context> contexts;  // the primary one of each device
  std::vector<Stream> default_streams;
  std::vector<uint64_t> used;  // bytes by device
  std::set<Module*> modules;
  std::set<Function*> functions;
  std::set<Stream*> streams;
  std::set<Event*> events;
  std::set<Graph*> graphs;
  std::set<Executable*> executables;
  std::map<uintptr_t, size_t> pinned;
  std::string last_error;
  uint64_t launches = 0;
};
extern State state;
extern thread_local Context* current;

const Settings& settings();
void load_settings();

enum Needs { kNeedsNothing, kNeedsInit, kNeedsContext };

// The entry of a call: takes the lock, then tells whether the call must fail.
class Call {
 public:
  Call(const char* name, Needs needs);
  int code;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};
#define ENTER(needs)                  \
  const Call call(__func__, (needs)); \
  if (call.code != kSuccess) return call.code

// The text for tartan_fake_last_error, also on stderr.
void complain(const std::string& text);

// The live object of a handle, or null.
template <class T>
T* live(const std::set<T*>& all, void* handle) {
  const auto found = all.find(static_cast<T*>(handle));
  return found == all.end() ? nullptr : *found;
}

// Null if there is no such stream in the current context. 0, 1 and 2 are the default stream.
Stream* stream_of(void* handle);
// Does work now, or with the stream's other work, or when a graph is launched. Returns what an earlier
// failure left.
int submit(Stream* stream, Work work);
// Does all that waits in a stream, then returns and forgets its error.
int drain(Stream* stream);
// The same for all streams that the default stream waits for, and for all.
int drain_blocking();
int drain_all();
// What a call returns that may not be made while a stream captures.
int refuse_during_capture();

// The bytes at a device address, null if not all of them are in an allocation of the current device.
emulation::Region* allocation_of(uint64_t address, size_t bytes);

}  // namespace driver

#endif
