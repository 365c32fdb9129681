// The Java virtual machine of this process: there is one at most, and it stays.
#ifndef TARTAN_CAPI_JVM_H
#define TARTAN_CAPI_JVM_H

#include <jni.h>

#include <cstdint>
#include <string>

namespace tartan::capi {

constexpr jint kJni = JNI_VERSION_10;

// The one that runs; NULL if none does.
JavaVM* running_jvm();

// Starts the one of the library `libjvm`. heap_mb 0: as Java has it. The calling thread is not attached.
// One call at a time. Throws Error.
JavaVM* create_jvm(const std::string& libjvm, const std::string& class_path, int32_t heap_mb);

}  // namespace tartan::capi

#endif
