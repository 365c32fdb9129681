#include "capi/jvm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <clocale>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <vector>

#include "capi/error.h"
#include "tartan.h"

namespace tartan::capi {

namespace {

#if defined(__APPLE__)
constexpr const char* kLibjvm = "libjvm.dylib";
#else
constexpr const char* kLibjvm = "libjvm.so";
#endif
constexpr size_t kStack = 8 << 20;
constexpr size_t kMostSaid = 1000;

using Create = jint(JNICALL*)(JavaVM**, void**, void*);
using Created = jint(JNICALL*)(JavaVM**, jsize, jsize*);

// A start of Java. It happens on a thread of its own: where Java cannot go on, as without memory for its
// heap, it ends the process; but it asks the hooks below first, and the thread stays in them.
struct Birth {
  std::mutex lock;
  std::condition_variable changed;
  bool going_on = false;
  bool stuck = false;
  std::string said;  // which Java would print
  Create create = nullptr;
  std::vector<std::string> flags;
  JavaVM* vm = nullptr;
  jint status = JNI_ERR;
};

Birth birth;

jint JNICALL say(FILE* file, const char* format, va_list values) {
  const std::lock_guard<std::mutex> hold(birth.lock);
  if (!birth.going_on) return std::vfprintf(file, format, values);
  char text[512];
  const int length = std::vsnprintf(text, sizeof text, format, values);
  if (birth.said.size() < kMostSaid) birth.said += text;
  return length;
}

void end() {
  {
    const std::lock_guard<std::mutex> hold(birth.lock);
    if (!birth.going_on) return;
    birth.going_on = false;
    birth.stuck = true;
    birth.changed.notify_all();
  }
  for (;;) pause();
}

void JNICALL end_with(jint) { end(); }

void* give_birth(void*) {
  std::vector<JavaVMOption> options;
  for (std::string& flag : birth.flags) options.push_back({flag.data(), nullptr});
  const auto hook = [&](const char* name, auto function) {
    options.push_back({const_cast<char*>(name), reinterpret_cast<void*>(function)});
  };
  hook("vfprintf", &say);
  hook("exit", &end_with);
  hook("abort", &end);
  JavaVMInitArgs arguments{kJni, static_cast<jint>(options.size()), options.data(), JNI_FALSE};
  JavaVM* vm = nullptr;
  void* env = nullptr;
  const jint status = birth.create(&vm, &env, &arguments);
  if (status == JNI_OK) vm->DetachCurrentThread();
  const std::lock_guard<std::mutex> hold(birth.lock);
  birth.vm = vm;
  birth.status = status;
  birth.going_on = false;
  birth.changed.notify_all();
  return nullptr;
}

Error failed(const std::string& why) { return {TARTAN_ERROR_JAVA, "Java does not start: " + why}; }

// What Java said, as a line.
std::string reason() {
  const std::string heading = "Error occurred during initialization of VM\n";
  std::string text = birth.said.rfind(heading, 0) == 0 ? birth.said.substr(heading.size()) : birth.said;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

void wait_for_birth() {
  const std::string locale = std::setlocale(LC_ALL, nullptr);  // Java sets that of the environment
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  birth.going_on = true;
  const int problem = pthread_create(&thread, &attributes, give_birth, nullptr);
  pthread_attr_destroy(&attributes);
  std::unique_lock<std::mutex> hold(birth.lock);
  if (problem != 0) {
    birth.going_on = false;
    throw failed("there is no room for a thread");
  }
  birth.changed.wait(hold, [] { return !birth.going_on; });
  std::setlocale(LC_ALL, locale.c_str());
}

}  // namespace

JavaVM* running_jvm() {
  void* library = dlopen(kLibjvm, RTLD_LAZY | RTLD_NOLOAD);
  if (!library) return nullptr;
  const auto created = reinterpret_cast<Created>(dlsym(library, "JNI_GetCreatedJavaVMs"));
  JavaVM* vm = nullptr;
  jsize count = 0;
  return created && created(&vm, 1, &count) == JNI_OK && count > 0 ? vm : nullptr;
}

JavaVM* create_jvm(const std::string& libjvm, const std::string& class_path, int32_t heap_mb) {
  if (!birth.stuck) {
    void* library = dlopen(libjvm.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) throw failed(dlerror());
    birth.create = reinterpret_cast<Create>(dlsym(library, "JNI_CreateJavaVM"));
    if (!birth.create) throw failed(libjvm + " has no JNI_CreateJavaVM");
    birth.flags = {
        "-Djava.class.path=" + class_path,
        "-Xrs",  // Ctrl-C and termination are the process's own
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",  // no file in /tmp
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    };
    if (heap_mb > 0) birth.flags.push_back("-Xmx" + std::to_string(heap_mb) + "m");
    birth.said.clear();
    wait_for_birth();
  }
  if (birth.stuck) throw failed(reason() + "; mend that and start the process again");
  if (birth.status != JNI_OK) throw failed(reason());
  return birth.vm;
}

}  // namespace tartan::capi
