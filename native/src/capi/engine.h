// The engine in the Java of this process.
#ifndef TARTAN_CAPI_ENGINE_H
#define TARTAN_CAPI_ENGINE_H

#include <jni.h>

#include <cstdint>

#include "tartan.h"

namespace tartan::capi {

// The class dev.tartan.capi.Calls and its methods, which have the documentation.
struct Engine {
  JavaVM* vm;
  jclass calls;
  jmethodID failure;
  jmethodID open;
  jmethodID describe;
  jmethodID refresh;
  jmethodID search;
  jmethodID text;
  jmethodID close;
};

// The engine, started at the first call. Throws Error.
const Engine& start(const tartan_options& options);

// The engine if it was started. Throws Error, as nothing can be open otherwise.
const Engine& started();

// One call of the engine by this thread: attaches the thread, which is detached when it ends, and gives up
// the references of the call.
class Call {
 public:
  explicit Call(const Engine& engine);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  JNIEnv* operator->() const { return env_; }

  // Throws what the call has thrown as an Error.
  void check() const;

 private:
  const Engine& engine_;
  JNIEnv* env_;
};

}  // namespace tartan::capi

#endif
