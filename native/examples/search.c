// Searches an index with the token embeddings of one query.
//
//   cc search.c $(pkg-config --cflags --libs tartan) -o search
//   ./search INDEX QUERY K [ID...]
//
// QUERY is a file of the embeddings alone, float32 [rows, dim], as numpy's array.astype("<f4").tofile(QUERY)
// writes it. With IDs only these documents are searched. Prints a line a hit: rank, score, id, number of the
// passage, text.
#include <stdio.h>
#include <stdlib.h>
#include <tartan.h>

#define MOST_ROWS 256

static int failed(void) {
  fprintf(stderr, "search: %s\n", tartan_error());
  return 1;
}

// Reads the rows of a query; returns how many, or -1.
static int32_t read_query(const char* path, int32_t dim, float* rows) {
  FILE* file = fopen(path, "rb");
  if (!file) return -1;
  const size_t read = fread(rows, sizeof(float) * (size_t)dim, MOST_ROWS, file);
  fclose(file);
  return (int32_t)read;
}

static int print_hits(tartan_index index, const tartan_result* result) {
  for (int64_t i = 0; i < result->count; i++) {
    const tartan_hit* hit = &result->hits[i];
    char* text = NULL;
    if (tartan_hit_text(index, result, i, &text) != TARTAN_SUCCESS) return failed();
    // nine digits give the float back to the bit
    printf("%lld\t%.9g\t%s\t%d\t%s\n", (long long)(i + 1), hit->score, hit->id, hit->passage,
           text ? text : "");
    tartan_text_free(text);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: search INDEX QUERY K [ID...]\n");
    return 2;
  }
  tartan_index index;
  if (tartan_open(argv[1], NULL, &index) != TARTAN_SUCCESS) return failed();
  tartan_description about = {.size = sizeof about};
  if (tartan_describe(index, &about) != TARTAN_SUCCESS) return failed();
  fprintf(stderr, "%lld documents, %lld passages, dim %d, backend %s\n", (long long)about.documents,
          (long long)about.passages, about.dim, about.backend);

  float* query = malloc(sizeof(float) * MOST_ROWS * (size_t)about.dim);
  const int32_t rows = query ? read_query(argv[2], about.dim, query) : -1;
  if (rows < 0) {
    fprintf(stderr, "search: %s cannot be read\n", argv[2]);
    return 1;
  }
  tartan_request request = {.size = sizeof request, .k = atoi(argv[3])};
  if (argc > 4) {
    request.ids = (const char* const*)argv + 4;
    request.id_count = argc - 4;
  }
  tartan_result* result;
  if (tartan_search(index, query, rows, about.dim, &request, &result) != TARTAN_SUCCESS) return failed();
  free(query);
  const int status = print_hits(index, result);
  tartan_result_free(result);
  return tartan_close(index) == TARTAN_SUCCESS ? status : failed();
}
