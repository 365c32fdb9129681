// The functions of tartan.h: what C can get wrong is checked here, the rest is the engine's.
#include "tartan.h"

#include <jni.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "capi/engine.h"
#include "capi/error.h"

namespace {

using tartan::capi::Call;
using tartan::capi::Engine;
using tartan::capi::Error;

// Structures as Calls reads them.
static_assert(sizeof(void*) == 8 && sizeof(tartan_request) == 40 && sizeof(tartan_hit) == 32 &&
              sizeof(tartan_description) == 64);

constexpr size_t kLine = 2048;
constexpr int32_t kMostThreads = 1024;
constexpr int32_t kMostRows = 256;
constexpr int32_t kMostDim = 1024;
thread_local char last_error[kLine] = "";

int32_t fail(int32_t code, const char* text) {
  std::snprintf(last_error, kLine, "%s", text);
  return code;
}

// Runs a call; what it throws ends here.
template <class Body>
int32_t guarded(const Body& body) {
  last_error[0] = '\0';
  try {
    body();
    return TARTAN_SUCCESS;
  } catch (const Error& error) {
    return fail(error.code, error.text.c_str());
  } catch (const std::bad_alloc&) {
    return fail(TARTAN_ERROR_MEMORY, "the process is out of memory");
  } catch (const std::exception& error) {
    return fail(TARTAN_ERROR_INTERNAL, error.what());
  }
}

Error argument(const std::string& text) { return {TARTAN_ERROR_ARGUMENT, text}; }

void require(const void* pointer, const char* name) {
  if (!pointer) throw argument(std::string(name) + " is NULL");
}

void require_between(int64_t value, int64_t least, int64_t most, const char* name) {
  if (value < least || value > most) {
    throw argument(std::string(name) + " is " + std::to_string(value) + "; " + std::to_string(least) +
                   " to " + std::to_string(most) + " is allowed");
  }
}

// A structure of the caller's size in this library's: what is missing is zero, what is too much must be.
template <class T>
T sized(const T* given, const char* name) {
  require(given, name);
  const auto least = static_cast<int64_t>(sizeof(int64_t));
  if (given->size < least || given->size > 4096) {
    throw argument(std::string(name) + "->size is " + std::to_string(given->size) + "; set it to sizeof(" +
                   name + ")");
  }
  const auto size = static_cast<size_t>(given->size);
  const char* bytes = reinterpret_cast<const char*>(given);
  T whole{};
  std::memcpy(&whole, bytes, std::min(size, sizeof(T)));
  for (size_t i = sizeof(T); i < size; i++) {
    if (bytes[i])
      throw argument(std::string(name) + " asks for what libtartan " TARTAN_VERSION " does not know");
  }
  whole.size = static_cast<int64_t>(sizeof(T));
  return whole;
}

// A path from the root, since Java knows the folder that was current when it started.
std::string whole_path(const char* path) {
  require(path, "path");
  if (!*path) throw argument("path is empty");
  if (*path == '/') return path;
  char* here = getcwd(nullptr, 0);
  if (!here) throw argument("path is relative, and the current folder is gone");
  const std::string whole = std::string(here) + "/" + path;
  std::free(here);
  return whole;
}

jlong address(const void* pointer) { return static_cast<jlong>(reinterpret_cast<intptr_t>(pointer)); }

// Memory for free() that holds `before` bytes, those of an array of Java, and a NUL.
char* copy(const Call& call, jbyteArray bytes, size_t before) {
  const jsize length = call->GetArrayLength(bytes);
  char* block = static_cast<char*>(std::malloc(before + static_cast<size_t>(length) + 1));
  if (!block) throw std::bad_alloc();
  call->GetByteArrayRegion(bytes, 0, length, reinterpret_cast<jbyte*>(block + before));
  block[before + static_cast<size_t>(length)] = '\0';
  return block;
}

// The bytes of Calls.search, which are the beginning of a tartan_result, hits and ids, after a tartan_result.
tartan_result* result_of(const Call& call, jbyteArray bytes) {
  char* block = copy(call, bytes, sizeof(tartan_result));
  char* packed = block + sizeof(tartan_result);
  auto* hits = reinterpret_cast<tartan_hit*>(packed + offsetof(tartan_result, hits));
  auto* result = reinterpret_cast<tartan_result*>(block);
  std::memcpy(result, packed, offsetof(tartan_result, hits));
  result->hits = hits;
  for (int64_t i = 0; i < result->count; i++) hits[i].id = packed + reinterpret_cast<intptr_t>(hits[i].id);
  return result;
}

void require_request(const float* query, int32_t rows, int32_t dim, const tartan_request& request) {
  require(query, "query");
  if (reinterpret_cast<uintptr_t>(query) % sizeof(float) != 0)
    throw argument("query is not aligned to a float");
  require_between(rows, 1, kMostRows, "rows");
  require_between(dim, 1, kMostDim, "dim");
  require_between(request.id_count, 0, INT64_MAX / 8, "id_count");
  if (!request.ids && request.id_count != 0) throw argument("there is an id_count, but ids is NULL");
}

}  // namespace

extern "C" {

const char* tartan_version(void) { return TARTAN_VERSION; }

const char* tartan_error(void) { return last_error; }

int32_t tartan_open(const char* path, const tartan_options* options, tartan_index* index) {
  return guarded([&] {
    const std::string whole = whole_path(path);
    require(index, "index");
    const tartan_options asked = options ? sized(options, "tartan_options") : tartan_options{};
    require_between(asked.heap_mb, 0, INT32_MAX, "heap_mb");
    require_between(asked.threads, 0, kMostThreads, "threads");
    const Engine& engine = tartan::capi::start(asked);
    const Call call(engine);
    const jlong handle =
        call->CallStaticLongMethod(engine.calls, engine.open, address(whole.c_str()),
                                   address(asked.backend ? asked.backend : "auto"), jint{asked.threads});
    call.check();
    *index = handle;
  });
}

int32_t tartan_describe(tartan_index index, tartan_description* description) {
  return guarded([&] {
    require(description, "description");
    const Engine& engine = tartan::capi::started();
    const int64_t size = description->size;
    tartan_description whole{};
    if (size < static_cast<int64_t>(sizeof(int64_t)) || size > static_cast<int64_t>(sizeof whole)) {
      throw argument("description->size is " + std::to_string(size) +
                     "; set it to sizeof(tartan_description)");
    }
    const Call call(engine);
    call->CallStaticVoidMethod(engine.calls, engine.describe, jlong{index}, address(&whole));
    call.check();
    whole.size = size;
    std::memcpy(description, &whole, static_cast<size_t>(size));
  });
}

int32_t tartan_refresh(tartan_index index) {
  return guarded([&] {
    const Engine& engine = tartan::capi::started();
    const Call call(engine);
    call->CallStaticVoidMethod(engine.calls, engine.refresh, jlong{index});
    call.check();
  });
}

int32_t tartan_search(tartan_index index, const float* query, int32_t rows, int32_t dim,
                      const tartan_request* request, tartan_result** result) {
  return guarded([&] {
    require(result, "result");
    const tartan_request asked = sized(request, "tartan_request");
    require_request(query, rows, dim, asked);
    const Engine& engine = tartan::capi::started();
    const Call call(engine);
    const auto bytes = static_cast<jbyteArray>(call->CallStaticObjectMethod(
        engine.calls, engine.search, jlong{index}, address(query), jint{rows}, jint{dim}, address(&asked)));
    call.check();
    *result = result_of(call, bytes);
  });
}

int32_t tartan_hit_text(tartan_index index, const tartan_result* result, int64_t hit, char** text) {
  return guarded([&] {
    require(result, "result");
    require(text, "text");
    require_between(hit, 0, result->count - 1, "hit");
    const Engine& engine = tartan::capi::started();
    const Call call(engine);
    const auto bytes = static_cast<jbyteArray>(call->CallStaticObjectMethod(
        engine.calls, engine.text, jlong{index}, jlong{result->commit}, jlong{result->hits[hit].place}));
    call.check();
    *text = bytes ? copy(call, bytes, 0) : nullptr;
  });
}

void tartan_text_free(char* text) { std::free(text); }

void tartan_result_free(tartan_result* result) { std::free(result); }

int32_t tartan_close(tartan_index index) {
  return guarded([&] {
    const Engine& engine = tartan::capi::started();
    const Call call(engine);
    call->CallStaticVoidMethod(engine.calls, engine.close, jlong{index});
    call.check();
  });
}

}  // extern "C"
