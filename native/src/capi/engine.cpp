#include "capi/engine.h"

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <string>

#include "capi/error.h"
#include "capi/jvm.h"
#include "capi/places.h"

namespace tartan::capi {

namespace {

constexpr jint kCalls = 1;  // Calls.VERSION
constexpr jint kReferences = 16;

Engine engine;
std::atomic<const Engine*> ready{nullptr};
std::atomic<bool> forked{false};
std::mutex starting;
pthread_key_t attached;

Error java_error(const std::string& text) { return {TARTAN_ERROR_JAVA, text}; }

JavaVM* find_or_create(const tartan_options& options) {
  if (JavaVM* vm = running_jvm()) return vm;
  return create_jvm(find_libjvm(options.java_home), find_engine(options.engine), options.heap_mb);
}

JNIEnv* environment_of(JavaVM* vm) {
  JNIEnv* env = nullptr;
  if (vm->GetEnv(reinterpret_cast<void**>(&env), kJni) == JNI_OK) return env;
  JavaVMAttachArgs arguments{kJni, const_cast<char*>("tartan caller"), nullptr};
  if (vm->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(&env), &arguments) != JNI_OK) {
    throw Error{TARTAN_ERROR_MEMORY, "Java takes no more threads"};
  }
  pthread_setspecific(attached, vm);
  return env;
}

void detach(void* vm) { static_cast<JavaVM*>(vm)->DetachCurrentThread(); }

// The class by the loader of applications, whoever has called this library.
jclass load(JNIEnv* env) {
  const jclass loaders = env->FindClass("java/lang/ClassLoader");
  const jmethodID system =
      env->GetStaticMethodID(loaders, "getSystemClassLoader", "()Ljava/lang/ClassLoader;");
  const jmethodID load = env->GetMethodID(loaders, "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;");
  const jobject loader = env->CallStaticObjectMethod(loaders, system);
  const jobject found = env->CallObjectMethod(loader, load, env->NewStringUTF("dev.tartan.capi.Calls"));
  if (env->ExceptionCheck()) {
    env->ExceptionClear();
    throw java_error(
        "the class path of this process's Java has no engine of Tartan, or one that needs a later Java; set "
        "TARTAN_JAR and start again");
  }
  return static_cast<jclass>(found);
}

Engine bind(JavaVM* vm) {
  JNIEnv* env = environment_of(vm);
  if (env->PushLocalFrame(kReferences) != JNI_OK)
    throw Error{TARTAN_ERROR_MEMORY, "Java's heap is too small"};
  struct Pop {
    JNIEnv* env;
    ~Pop() { env->PopLocalFrame(nullptr); }
  } pop{env};
  const Error other = java_error("the engine is of another version than libtartan, which is " TARTAN_VERSION);
  const jclass calls = load(env);
  const auto method = [&](const char* name, const char* type) {
    const jmethodID found = env->GetStaticMethodID(calls, name, type);
    if (!found) {
      env->ExceptionClear();
      throw other;
    }
    return found;
  };
  if (env->CallStaticIntMethod(calls, method("version", "()I")) != kCalls) throw other;
  Engine bound{vm,
               nullptr,
               method("failure", "(Ljava/lang/Throwable;)[B"),
               method("open", "(JJI)J"),
               method("describe", "(JJ)V"),
               method("refresh", "(J)V"),
               method("search", "(JJIIJ)[B"),
               method("text", "(JJJ)[B"),
               method("close", "(J)V")};
  bound.calls = static_cast<jclass>(env->NewGlobalRef(calls));
  return bound;
}

void refuse_forked() {
  if (forked) {
    throw java_error(
        "this process was forked from one that had opened an index; open the first after the fork");
  }
}

}  // namespace

const Engine& start(const tartan_options& options) {
  refuse_forked();
  if (const Engine* there = ready.load(std::memory_order_acquire)) return *there;
  const std::lock_guard<std::mutex> lock(starting);
  if (const Engine* there = ready.load(std::memory_order_acquire)) return *there;
  static const int key = pthread_key_create(&attached, detach);
  if (key != 0) throw Error{TARTAN_ERROR_MEMORY, "the process has no thread-specific data left"};
  engine = bind(find_or_create(options));
  static const int hook = pthread_atfork(nullptr, nullptr, [] { forked = true; });
  if (hook != 0) throw Error{TARTAN_ERROR_MEMORY, "the process takes no more fork handlers"};
  ready.store(&engine, std::memory_order_release);
  return engine;
}

const Engine& started() {
  refuse_forked();
  if (const Engine* there = ready.load(std::memory_order_acquire)) return *there;
  throw Error{TARTAN_ERROR_CLOSED, "no index was opened yet"};
}

Call::Call(const Engine& engine) : engine_(engine), env_(environment_of(engine.vm)) {
  if (env_->PushLocalFrame(kReferences) != JNI_OK) {
    env_->ExceptionClear();
    throw Error{TARTAN_ERROR_MEMORY, "Java's heap is too small; give it more by heap_mb of tartan_options"};
  }
}

Call::~Call() { env_->PopLocalFrame(nullptr); }

void Call::check() const {
  const jthrowable thrown = env_->ExceptionOccurred();
  if (!thrown) return;
  env_->ExceptionClear();
  const auto bytes =
      static_cast<jbyteArray>(env_->CallStaticObjectMethod(engine_.calls, engine_.failure, thrown));
  if (env_->ExceptionCheck()) {
    env_->ExceptionClear();
    throw Error{TARTAN_ERROR_MEMORY, "Java's heap is too small to tell what failed"};
  }
  std::string text(static_cast<size_t>(env_->GetArrayLength(bytes)), '\0');
  env_->GetByteArrayRegion(bytes, 0, static_cast<jsize>(text.size()), reinterpret_cast<jbyte*>(text.data()));
  throw Error{text[0], text.substr(1)};
}

}  // namespace tartan::capi
