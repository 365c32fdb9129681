// Streams, events, capture and graphs of the fake driver.
#include <chrono>

#include "state.h"

namespace driver {

namespace {

bool is_default(void* handle) { return reinterpret_cast<uintptr_t>(handle) <= 2; }

bool is_default(const Stream* stream) { return stream == &state.default_streams[stream->context->device]; }

// Does one piece of work. After a failure the rest of the queue is dropped, as a context would be lost.
void step(Stream* stream) {
  const Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  const int result = work();
  if (result == kSuccess) return;
  stream->error = result;
  stream->queue.clear();
}

int take_error(Stream* stream) {
  const int error = stream->error;
  stream->error = kSuccess;
  return error;
}

void finish(Stream* stream) {
  while (!stream->queue.empty()) step(stream);
}

double now() {
  using std::chrono::duration;
  return duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Condition>
int drain_if(Condition condition) {
  int error = kSuccess;
  for (Stream* stream : state.streams) {
    if (stream->context != current || !condition(*stream)) continue;
    const int own = drain(stream);
    if (error == kSuccess) error = own;
  }
  const int own = take_error(&state.default_streams[current->device]);
  return error == kSuccess ? own : error;
}

void invalidate(Stream* stream) { stream->invalidated = true; }

}  // namespace

Stream* stream_of(void* handle) {
  if (is_default(handle)) return &state.default_streams[current->device];
  Stream* stream = live(state.streams, handle);
  return stream != nullptr && stream->context == current ? stream : nullptr;
}

int submit(Stream* stream, Work work) {
  if (stream->capture != nullptr) {
    if (stream->invalidated) return kCaptureInvalidated;
    stream->capture->works.push_back(std::move(work));
    return kSuccess;
  }
  if (is_default(stream)) {
    // Waits for the others, so that nothing ever waits here.
    if (const int error = drain_blocking()) return error;
  } else if (const int error = take_error(stream)) {
    return error;
  }
  stream->queue.push_back(std::move(work));
  if (!settings().async || is_default(stream)) finish(stream);
  return kSuccess;
}

int drain(Stream* stream) {
  finish(stream);
  return take_error(stream);
}

int drain_blocking() {
  return drain_if([](const Stream& stream) { return (stream.flags & 1) == 0; });
}
int drain_all() {
  return drain_if([](const Stream&) { return true; });
}

int refuse_during_capture() {
  int refused = kSuccess;
  for (Stream* stream : state.streams) {
    if (stream->capture == nullptr || stream->capture_mode == 2) continue;
    if (stream->capture_mode == 1 && stream->capture_thread != std::this_thread::get_id()) continue;
    invalidate(stream);
    refused = kCaptureUnsupported;
  }
  return refused;
}

namespace {

// The stream of a handle for those who wait for it, which ends a capture.
int settled(void* handle, Stream*& stream) {
  stream = stream_of(handle);
  if (stream == nullptr) return kInvalidHandle;
  if (stream->capture == nullptr) return kSuccess;
  invalidate(stream);
  return kCaptureUnsupported;
}

}  // namespace

}  // namespace driver

using namespace driver;

EXPORT int cuStreamCreate(void** stream, unsigned flags) {
  ENTER(kNeedsContext);
  if (stream == nullptr || flags > 1) return kInvalidValue;
  Stream* made = new Stream;
  made->context = current;
  made->flags = flags;
  state.streams.insert(made);
  *stream = made;
  return kSuccess;
}

EXPORT int cuStreamDestroy_v2(void* handle) {
  ENTER(kNeedsContext);
  Stream* stream = live(state.streams, handle);
  if (stream == nullptr) return kInvalidHandle;
  finish(stream);
  for (Event* event : state.events) {
    if (event->stream == stream) event->stream = nullptr;
  }
  state.streams.erase(stream);
  delete stream;
  return kSuccess;
}

EXPORT int cuStreamSynchronize(void* handle) {
  ENTER(kNeedsContext);
  Stream* stream = nullptr;
  if (const int error = settled(handle, stream)) return error;
  return is_default(stream) ? drain_blocking() : drain(stream);
}

EXPORT int cuStreamQuery(void* handle) {
  ENTER(kNeedsContext);
  Stream* stream = nullptr;
  if (const int error = settled(handle, stream)) return error;
  if (stream->queue.empty()) return take_error(stream);
  step(stream);  // so that who polls comes to an end
  return kNotReady;
}

EXPORT int cuEventCreate(void** event, unsigned) {
  ENTER(kNeedsContext);
  if (event == nullptr) return kInvalidValue;
  Event* made = new Event;
  made->context = current;
  state.events.insert(made);
  *event = made;
  return kSuccess;
}

EXPORT int cuEventDestroy_v2(void* handle) {
  ENTER(kNeedsContext);
  Event* event = live(state.events, handle);
  if (event == nullptr) return kInvalidHandle;
  state.events.erase(event);
  delete event;
  return kSuccess;
}

EXPORT int cuEventRecord(void* handle, void* stream_handle) {
  ENTER(kNeedsContext);
  Event* event = live(state.events, handle);
  Stream* stream = stream_of(stream_handle);
  if (event == nullptr || stream == nullptr || event->context != current) return kInvalidHandle;
  const uint64_t count = event->recorded + 1;
  const int error = submit(stream, [event, count] {
    if (live(state.events, event) != nullptr) {
      event->reached = count;
      event->milliseconds = now();
    }
    return static_cast<int>(kSuccess);
  });
  if (error != kSuccess || stream->capture != nullptr) return error;
  event->stream = stream;
  event->recorded = count;
  return kSuccess;
}

EXPORT int cuEventSynchronize(void* handle) {
  ENTER(kNeedsContext);
  Event* event = live(state.events, handle);
  if (event == nullptr) return kInvalidHandle;
  if (event->stream == nullptr) return kSuccess;
  while (event->reached < event->recorded && !event->stream->queue.empty()) step(event->stream);
  return take_error(event->stream);
}

EXPORT int cuEventQuery(void* handle) {
  ENTER(kNeedsContext);
  Event* event = live(state.events, handle);
  if (event == nullptr) return kInvalidHandle;
  if (event->stream == nullptr || event->stream->queue.empty() || event->reached >= event->recorded)
    return kSuccess;
  step(event->stream);
  return kNotReady;
}

EXPORT int cuEventElapsedTime(float* milliseconds, void* first, void* second) {
  ENTER(kNeedsContext);
  if (milliseconds == nullptr) return kInvalidValue;
  const Event* a = live(state.events, first);
  const Event* b = live(state.events, second);
  if (a == nullptr || b == nullptr || a->recorded == 0 || b->recorded == 0) return kInvalidHandle;
  if (a->reached < a->recorded || b->reached < b->recorded) return kNotReady;
  *milliseconds = static_cast<float>(b->milliseconds - a->milliseconds);
  return kSuccess;
}

EXPORT int cuStreamWaitEvent(void* stream_handle, void* handle, unsigned) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(stream_handle);
  Event* event = live(state.events, handle);
  if (stream == nullptr || event == nullptr) return kInvalidHandle;
  Stream* other = event->stream;
  const uint64_t count = event->recorded;
  if (other == nullptr || other == stream) return kSuccess;
  return submit(stream, [event, other, count] {
    while (live(state.events, event) != nullptr && live(state.streams, other) != nullptr &&
           event->reached < count && !other->queue.empty()) {
      step(other);
    }
    return static_cast<int>(kSuccess);
  });
}

// Modes: 0 global, 1 of this thread, 2 relaxed.
EXPORT int cuStreamBeginCapture_v2(void* handle, int mode) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(handle);
  if (stream == nullptr) return kInvalidHandle;
  if (mode < 0 || mode > 2) return kInvalidValue;
  if (is_default(stream)) return kCaptureUnsupported;
  if (stream->capture != nullptr) return kIllegalState;
  stream->capture = std::make_unique<Graph>();
  stream->invalidated = false;
  stream->capture_mode = mode;
  stream->capture_thread = std::this_thread::get_id();
  return kSuccess;
}

EXPORT int cuStreamEndCapture(void* handle, void** graph) {
  ENTER(kNeedsContext);
  Stream* stream = stream_of(handle);
  if (stream == nullptr) return kInvalidHandle;
  if (graph == nullptr) return kInvalidValue;
  if (stream->capture == nullptr) return kIllegalState;
  if (stream->capture_mode != 2 && stream->capture_thread != std::this_thread::get_id())
    return kCaptureWrongThread;
  std::unique_ptr<Graph> captured = std::move(stream->capture);
  *graph = nullptr;
  if (stream->invalidated) return kCaptureInvalidated;
  state.graphs.insert(captured.get());
  *graph = captured.release();
  return kSuccess;
}

EXPORT int cuStreamIsCapturing(void* handle, int* status) {
  ENTER(kNeedsContext);
  const Stream* stream = stream_of(handle);
  if (stream == nullptr) return kInvalidHandle;
  if (status == nullptr) return kInvalidValue;
  *status = stream->capture == nullptr ? 0 : stream->invalidated ? 2 : 1;
  return kSuccess;
}

EXPORT int cuGraphInstantiateWithFlags(void** executable, void* handle, uint64_t) {
  ENTER(kNeedsContext);
  if (executable == nullptr) return kInvalidValue;
  const Graph* graph = live(state.graphs, handle);
  if (graph == nullptr) return kInvalidHandle;
  Executable* made = new Executable{current, graph->works};
  state.executables.insert(made);
  *executable = made;
  return kSuccess;
}

EXPORT int cuGraphLaunch(void* handle, void* stream_handle) {
  ENTER(kNeedsContext);
  Executable* executable = live(state.executables, handle);
  Stream* stream = stream_of(stream_handle);
  if (executable == nullptr || stream == nullptr || executable->context != current) return kInvalidHandle;
  return submit(stream, [works = executable->works] {
    for (const Work& work : works) {
      if (const int error = work()) return error;
    }
    return static_cast<int>(kSuccess);
  });
}

EXPORT int cuGraphExecDestroy(void* handle) {
  ENTER(kNeedsContext);
  Executable* executable = live(state.executables, handle);
  if (executable == nullptr) return kInvalidHandle;
  state.executables.erase(executable);
  delete executable;
  return kSuccess;
}

EXPORT int cuGraphDestroy(void* handle) {
  ENTER(kNeedsContext);
  Graph* graph = live(state.graphs, handle);
  if (graph == nullptr) return kInvalidHandle;
  state.graphs.erase(graph);
  delete graph;
  return kSuccess;
}
