// The C ABI of Tartan: open an index, search it with query embeddings, read what was found. From any language
// that can call C. native/examples has a C program and a Python script, docs/c-api.md the rest.
//
// There is one implementation of search and of the index format, that in Java. libtartan.so starts a Java 25
// inside the process, which it finds by itself, and calls that engine: answers are the same to the bit, and
// every format and backend of the engine is there. docs/c-api.md has what that costs.
//
// Rules that hold for every function
//   * Returns TARTAN_SUCCESS or an error code; tartan_error() then has one line for the user. Outputs are
//     written on success alone. No exception crosses, and nothing is printed.
//   * Any number of threads may call at once, also on one index and while another thread closes it. A thread
//     that calls stays known to Java until it ends; threads that call need 256 KiB of stack.
//   * Strings are UTF-8 and end with a NUL. An argument may be NULL only where it says so. What a pointer
//     names is read during the call and no longer.
//   * A handle that is no open index is an error. A pointer that names no memory is not found out.
//   * Structures that begin with `size` may grow: set it to sizeof of the structure, and all that is not used
//     to zero, which stands for the default.
//   * The first tartan_open starts Java, or takes the one that runs in this process already; it stays until
//     the end. A process that is forked later cannot call: open the first index after the fork.
#ifndef TARTAN_H
#define TARTAN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define TARTAN_EXPORT __declspec(dllexport)
#else
#define TARTAN_EXPORT __attribute__((visibility("default")))
#endif

enum tartan_code {
  TARTAN_SUCCESS = 0,
  TARTAN_ERROR_ARGUMENT = 1,  // an argument is wrong, or the query does not fit the index
  TARTAN_ERROR_JAVA = 2,      // no Java 25, no engine for it, or it does not start
  TARTAN_ERROR_INDEX = 3,     // there is no index, or it is damaged or of a newer format
  TARTAN_ERROR_CLOSED = 4,    // the index is not open, or the result is of a commit that was left
  TARTAN_ERROR_MEMORY = 5,    // of the process or of Java's heap
  TARTAN_ERROR_INTERNAL = 6   // a defect of Tartan
};

// An open index. 0 is none, and no number is given out twice.
typedef int64_t tartan_index;

typedef struct tartan_options {
  int64_t size;
  // The three below count at the open that starts Java.
  // Home of a Java 25 or later. NULL: the first of TARTAN_JAVA_HOME, JAVA_HOME, `java` on the PATH and the
  // usual places that is one; of the first, that or none.
  const char* java_home;
  // The engine: a folder of jars, or a class path. NULL: TARTAN_JAR, which is either, or else the folder
  // `tartan` beside this library.
  const char* engine;
  int32_t heap_mb;  // most of Java's heap, in MiB; 0: a quarter of the memory. Indexes are mapped beside it.
  int32_t threads;  // of one search; 0: as many as processors
  const char* backend;  // "auto", "cuda", "cpu" or "reference"; NULL: "auto"
} tartan_options;

// What a search shall find.
typedef struct tartan_request {
  int64_t size;
  int32_t k;         // hits wanted, at least 1; fewer come back if there are fewer documents
  int32_t reserved;  // 0
  double recall;     // share of the exact k best to find on average, above 0; 1: all are scored; 0: 0.95
  const char* const* ids;  // [id_count] only documents with these ids; unknown ones do no harm. NULL: all
  int64_t id_count;        // 0 with ids that are not NULL: none is found
} tartan_request;

typedef struct tartan_hit {
  const char* id;    // of the document; lives as long as the result
  int64_t id_bytes;  // without the NUL at the end
  int64_t place;     // of the best passage in the index; for tartan_hit_text
  float score;       // MaxSim of the best passage: the sum over query rows of the greatest dot product
  int32_t passage;   // number of the best passage in its document, from 0
} tartan_hit;

// What a search has found, best first; ties by the order in the index. Read only.
typedef struct tartan_result {
  int64_t count;
  int64_t commit;          // of the index that was searched
  const tartan_hit* hits;  // [count]
} tartan_result;

typedef struct tartan_description {
  int64_t size;
  int64_t commit;     // number of the commit that is searched
  int64_t documents;  // living ones
  int64_t passages;   // of these
  int32_t dim;        // of a token embedding
  int32_t reserved;
  char backend[24];  // that serves: "cpu", "cuda" or "reference"
} tartan_description;

// "0.1.0". Static memory.
TARTAN_EXPORT const char* tartan_version(void);

// What the last failed call of this thread failed at: one line, never NULL. Valid until the thread's next
// call.
TARTAN_EXPORT const char* tartan_error(void);

// Opens the commit that is current at `path`. It stays as it is, whatever is written meanwhile, until
// tartan_refresh. options may be NULL. Takes milliseconds; what starting Java takes, once.
TARTAN_EXPORT int32_t tartan_open(const char* path, const tartan_options* options, tartan_index* index);

// description->size is read, the rest is written.
TARTAN_EXPORT int32_t tartan_describe(tartan_index index, tartan_description* description);

// Goes over to the commit that is current now; searches that run end on the one they began with. After an
// error the index is still open on the commit before.
TARTAN_EXPORT int32_t tartan_refresh(tartan_index index);

// The best documents for one query. query [rows, dim], row-major, 1 to 256 rows, dim of the index, finite,
// usually of unit length. *result: for tartan_result_free.
TARTAN_EXPORT int32_t tartan_search(tartan_index index, const float* query, int32_t rows, int32_t dim,
                                    const tartan_request* request, tartan_result** result);

// The text of the passage that a hit was found by. *text is NULL if the index stores none; it is for
// tartan_text_free. TARTAN_ERROR_CLOSED if the index was refreshed to another commit since.
TARTAN_EXPORT int32_t tartan_hit_text(tartan_index index, const tartan_result* result, int64_t hit,
                                      char** text);

// NULL is allowed in both.
TARTAN_EXPORT void tartan_text_free(char* text);
TARTAN_EXPORT void tartan_result_free(tartan_result* result);

// No other call finds the index; calls that run end as if it were open, and the last lets its files go.
TARTAN_EXPORT int32_t tartan_close(tartan_index index);

#ifdef __cplusplus
}
#endif

#endif
