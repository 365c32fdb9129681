// What a C program can do to libtartan, and must not be able to: run by the tests of the engine, since it
// needs one. capi INDEX QUERY, as examples/search.c, or capi INDEX for a Java that does not start. Prints
// what is wrong.
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tartan.h"
#include "tartan_cpu.h"  // its names are others

enum { kRows = 256, kDim = 32, kThreads = 8, kSearches = 100, kHits = 10, kStack = 256 << 10 };

static int checks, wrong;
static float query[kRows * kDim];
static int32_t rows;
static tartan_index shared;
static tartan_result* expected;

#define CHECK(condition, ...)                                \
  do {                                                       \
    checks++;                                                \
    if (!(condition)) {                                      \
      wrong++;                                               \
      printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      printf(__VA_ARGS__);                                   \
      printf("\n");                                          \
    }                                                        \
  } while (0)

// A call fails with a code and one line that says `part`.
#define FAILS(code, part, call)                                                                  \
  do {                                                                                           \
    const int32_t status = (call);                                                               \
    const char* text = tartan_error();                                                           \
    CHECK(status == (code) && strstr(text, part) && !strchr(text, '\n'), "%d %s", status, text); \
  } while (0)

#define WORKS(call)                                                                       \
  do {                                                                                    \
    const int32_t status = (call);                                                        \
    CHECK(status == TARTAN_SUCCESS && !*tartan_error(), "%d %s", status, tartan_error()); \
  } while (0)

static tartan_request top(int32_t k) {
  tartan_request request = {.size = sizeof request, .k = k};
  return request;
}

static int same(const tartan_result* one, const tartan_result* other) {
  if (one->count != other->count || one->commit != other->commit) return 0;
  for (int64_t i = 0; i < one->count; i++) {
    const tartan_hit *a = &one->hits[i], *b = &other->hits[i];
    if (strcmp(a->id, b->id) || a->score != b->score || a->place != b->place || a->passage != b->passage)
      return 0;
  }
  return 1;
}

static void before_the_first_open(void) {
  tartan_description about = {.size = sizeof about};
  const tartan_request request = top(1);
  tartan_result* result;
  FAILS(TARTAN_ERROR_CLOSED, "no index was opened", tartan_describe(1, &about));
  FAILS(TARTAN_ERROR_CLOSED, "no index was opened", tartan_search(1, query, 1, kDim, &request, &result));
  FAILS(TARTAN_ERROR_CLOSED, "no index was opened", tartan_close(1));
  FAILS(TARTAN_ERROR_ARGUMENT, "path is NULL", tartan_open(NULL, NULL, &shared));
  const tartan_options old_java = {.size = sizeof old_java, .java_home = "/no/java"};
  FAILS(TARTAN_ERROR_JAVA, "Java 25", tartan_open("index", &old_java, &shared));
  const tartan_options no_engine = {.size = sizeof no_engine, .engine = "/no/engine.jar"};
  FAILS(TARTAN_ERROR_JAVA, "/no/engine.jar", tartan_open("index", &no_engine, &shared));
  CHECK(strcmp(tartan_version(), "0.1.0") >= 0, "%s", tartan_version());
}

static void the_process_stays_as_it_was(const char* path) {
  struct sigaction before, after;
  sigaction(SIGINT, NULL, &before);
  const char* locale = setlocale(LC_ALL, NULL);
  CHECK(strcmp(locale, "C") == 0, "%s", locale);
  const tartan_options options = {.size = sizeof options, .heap_mb = 128};
  WORKS(tartan_open(path, &options, &shared));
  sigaction(SIGINT, NULL, &after);
  CHECK(before.sa_handler == after.sa_handler, "Ctrl-C is Java's");
  locale = setlocale(LC_ALL, NULL);
  CHECK(strcmp(locale, "C") == 0, "%s", locale);
}

static void a_path_in_utf8(const char* path) {
  char link[4096];
  snprintf(link, sizeof link, "%s-\xc3\xaf", path);
  unlink(link);
  CHECK(symlink(path, link) == 0, "%s", link);
  tartan_index index = 0;
  WORKS(tartan_open(link, NULL, &index));
  WORKS(tartan_close(index));
  unlink(link);
}

static void opening_fails(const char* path) {
  tartan_index none = 77;
  FAILS(TARTAN_ERROR_ARGUMENT, "index is NULL", tartan_open(path, NULL, NULL));
  FAILS(TARTAN_ERROR_INDEX, "/no/index", tartan_open("/no/index", NULL, &none));
  FAILS(TARTAN_ERROR_INDEX, "/no-index-here", tartan_open("no-index-here", NULL, &none));
  FAILS(TARTAN_ERROR_ARGUMENT, "path is empty", tartan_open("", NULL, &none));
  tartan_options options = {.size = sizeof options, .backend = "abacus"};
  FAILS(TARTAN_ERROR_ARGUMENT, "abacus", tartan_open(path, &options, &none));
  options.backend = NULL;
  options.threads = -1;
  FAILS(TARTAN_ERROR_ARGUMENT, "threads is -1", tartan_open(path, &options, &none));
  options.threads = 0;
  options.size = 0;
  FAILS(TARTAN_ERROR_ARGUMENT, "size", tartan_open(path, &options, &none));
  struct {
    tartan_options options;
    int64_t later;
  } newer = {.options = {.size = sizeof newer}, .later = 1};
  FAILS(TARTAN_ERROR_ARGUMENT, "does not know", tartan_open(path, &newer.options, &none));
  CHECK(none == 77, "an output of a call that failed");
  newer.later = 0;
  WORKS(tartan_open(path, &newer.options, &none));
  WORKS(tartan_close(none));
}

static void searching_fails(void) {
  tartan_request request = top(kHits);
  tartan_result* result = NULL;
  FAILS(TARTAN_ERROR_ARGUMENT, "query is NULL", tartan_search(shared, NULL, 1, kDim, &request, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "request is NULL", tartan_search(shared, query, 1, kDim, NULL, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "result is NULL", tartan_search(shared, query, 1, kDim, &request, NULL));
  FAILS(TARTAN_ERROR_ARGUMENT, "rows is 0", tartan_search(shared, query, 0, kDim, &request, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "rows is 257", tartan_search(shared, query, 257, kDim, &request, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "2147483647",
        tartan_search(shared, query, INT32_MAX, kDim, &request, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "dim 16", tartan_search(shared, query, 1, 16, &request, &result));
  FAILS(TARTAN_ERROR_ARGUMENT, "dim is -8", tartan_search(shared, query, 1, -8, &request, &result));
  const float* odd = (const float*)((const char*)query + 1);
  FAILS(TARTAN_ERROR_ARGUMENT, "aligned", tartan_search(shared, odd, 1, kDim, &request, &result));
  float broken[kDim] = {0};
  broken[3] = NAN;
  FAILS(TARTAN_ERROR_ARGUMENT, "NaN", tartan_search(shared, broken, 1, kDim, &request, &result));
  request.k = 0;
  FAILS(TARTAN_ERROR_ARGUMENT, "k is 0", tartan_search(shared, query, 1, kDim, &request, &result));
  request = top(kHits);
  request.recall = 1.5;
  FAILS(TARTAN_ERROR_ARGUMENT, "recall is 1.5", tartan_search(shared, query, 1, kDim, &request, &result));
  request = top(kHits);
  request.id_count = 1;
  FAILS(TARTAN_ERROR_ARGUMENT, "ids is NULL", tartan_search(shared, query, 1, kDim, &request, &result));
  const char* ids[] = {"a", NULL};
  request.ids = ids;
  request.id_count = 2;
  FAILS(TARTAN_ERROR_ARGUMENT, "id 1", tartan_search(shared, query, 1, kDim, &request, &result));
  request.id_count = -1;
  FAILS(TARTAN_ERROR_ARGUMENT, "id_count is -1", tartan_search(shared, query, 1, kDim, &request, &result));
  CHECK(result == NULL, "an output of a call that failed");
  request.id_count = 0;
  WORKS(tartan_search(shared, query, 1, kDim, &request, &result));
  CHECK(result->count == 0, "%lld of no ids", (long long)result->count);
  tartan_result_free(result);
}

static void texts_and_facts(void) {
  char* text = NULL;
  FAILS(TARTAN_ERROR_ARGUMENT, "result is NULL", tartan_hit_text(shared, NULL, 0, &text));
  FAILS(TARTAN_ERROR_ARGUMENT, "text is NULL", tartan_hit_text(shared, expected, 0, NULL));
  FAILS(TARTAN_ERROR_ARGUMENT, "hit is -1", tartan_hit_text(shared, expected, -1, &text));
  FAILS(TARTAN_ERROR_ARGUMENT, "hit is 10", tartan_hit_text(shared, expected, kHits, &text));
  const tartan_hit elsewhere = {.id = "x", .place = INT64_MAX};
  const tartan_result made_up = {1, expected->commit, &elsewhere};
  FAILS(TARTAN_ERROR_ARGUMENT, "none of this index", tartan_hit_text(shared, &made_up, 0, &text));
  WORKS(tartan_hit_text(shared, expected, 0, &text));
  CHECK(text && strstr(text, expected->hits[0].id), "%s", text);
  tartan_text_free(text);
  tartan_text_free(NULL);
  tartan_result_free(NULL);
  FAILS(TARTAN_ERROR_ARGUMENT, "description is NULL", tartan_describe(shared, NULL));
  tartan_description about = {.size = 1};
  FAILS(TARTAN_ERROR_ARGUMENT, "size is 1", tartan_describe(shared, &about));
  struct {
    int64_t size, commit, documents, after;
  } older = {.size = 24, .after = 5};
  WORKS(tartan_describe(shared, (tartan_description*)&older));
  CHECK(older.documents > kHits && older.after == 5, "%lld", (long long)older.documents);
}

static void* search_again(void* unused) {
  const tartan_request request = top(kHits);
  for (int i = 0; i < kSearches; i++) {
    tartan_result* result;
    const int32_t status = tartan_search(shared, query, rows, kDim, &request, &result);
    if (status != TARTAN_SUCCESS || !same(result, expected)) return (void*)"another result";
    tartan_result_free(result);
    if (tartan_search(shared, query, rows, kDim + 8, &request, &result) != TARTAN_ERROR_ARGUMENT ||
        !strstr(tartan_error(), "dim 40"))
      return (void*)"another error";
  }
  return unused;
}

static void* search_until_closed(void* unused) {
  const tartan_request request = top(kHits);
  for (;;) {
    tartan_result* result;
    const int32_t status = tartan_search(shared, query, rows, kDim, &request, &result);
    if (status == TARTAN_ERROR_CLOSED) return unused;
    if (status != TARTAN_SUCCESS || !same(result, expected)) return (void*)"another result or error";
    tartan_result_free(result);
  }
}

static void in_threads(void* (*work)(void*), void (*meanwhile)(void)) {
  pthread_t threads[kThreads];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, kStack);
  for (int t = 0; t < kThreads; t++) pthread_create(&threads[t], &small, work, NULL);
  if (meanwhile) meanwhile();
  for (int t = 0; t < kThreads; t++) {
    void* problem = "did not end";
    pthread_join(threads[t], &problem);
    CHECK(problem == NULL, "%s", (const char*)problem);
  }
}

static void close_meanwhile(void) {
  usleep(30000);
  WORKS(tartan_close(shared));
}

static void a_stale_handle(void) {
  const tartan_request request = top(kHits);
  tartan_result* result;
  tartan_description about = {.size = sizeof about};
  char* text;
  const tartan_index stale[] = {shared, 0, -1, INT64_MIN, (tartan_index)(intptr_t)&about};
  for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
    FAILS(TARTAN_ERROR_CLOSED, "no open index",
          tartan_search(stale[i], query, rows, kDim, &request, &result));
    FAILS(TARTAN_ERROR_CLOSED, "no open index", tartan_hit_text(stale[i], expected, 0, &text));
    FAILS(TARTAN_ERROR_CLOSED, "no open index", tartan_describe(stale[i], &about));
    FAILS(TARTAN_ERROR_CLOSED, "no open index", tartan_refresh(stale[i]));
    FAILS(TARTAN_ERROR_CLOSED, "no open index", tartan_close(stale[i]));
  }
}

static void a_forked_process(const char* path) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    tartan_index index;
    _exit(tartan_open(path, NULL, &index) == TARTAN_ERROR_JAVA && strstr(tartan_error(), "fork") ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0, "status %d", status);
}

// Java would end the process here.
static int without_a_heap(const char* path) {
  const tartan_options options = {.size = sizeof options, .heap_mb = 1};
  for (int i = 0; i < 2; i++) {
    FAILS(TARTAN_ERROR_JAVA, "Too small maximum heap", tartan_open(path, &options, &shared));
  }
  printf("%d checks, %d wrong\n", checks, wrong);
  return wrong != 0;
}

int main(int argc, char** argv) {
  if (argc == 2) return without_a_heap(argv[1]);
  FILE* file = argc == 3 ? fopen(argv[2], "rb") : NULL;
  if (!file) return 2;
  rows = (int32_t)fread(query, sizeof(float) * kDim, kRows, file);
  fclose(file);
  before_the_first_open();
  the_process_stays_as_it_was(argv[1]);
  a_path_in_utf8(argv[1]);
  opening_fails(argv[1]);
  searching_fails();
  const tartan_request request = top(kHits);
  WORKS(tartan_search(shared, query, rows, kDim, &request, &expected));
  CHECK(expected->count == kHits, "%lld hits", (long long)expected->count);
  texts_and_facts();
  in_threads(search_again, NULL);
  in_threads(search_until_closed, close_meanwhile);
  a_stale_handle();
  a_forked_process(argv[1]);
  tartan_result_free(expected);
  printf("%d checks, %d wrong\n", checks, wrong);
  return wrong != 0;
}
