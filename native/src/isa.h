// What every kernel file includes. A kernel file is compiled once per instruction set with TARTAN_ISA naming
// its namespace. Helpers live in an unnamed namespace and nothing here instantiates a standard template: a
// weak symbol from an AVX2 object could otherwise be the copy the linker keeps for the portable code.
#ifndef TARTAN_ISA_H
#define TARTAN_ISA_H

#ifndef TARTAN_ISA
#error "TARTAN_ISA names the namespace of the instruction set that this file is compiled for"
#endif

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define TARTAN_INLINE inline __attribute__((always_inline))

namespace tartan::TARTAN_ISA {

int32_t centroid_scores(const tartan_query* query, const float* centroid, int64_t first, int64_t last,
                        float* scores, float* best);
// The bytes of the block of a query.
int64_t integer_query_bytes(int64_t rows, int64_t dim, int64_t nbits);
int32_t quantise_centroids(const float* centroid, int64_t centroids, int32_t dim, uint8_t* values,
                           float* steps, float* reach);
int32_t quantise_query(const tartan_query* query, const tartan_grid* grid, const tartan_codec* codec,
                       void* block);
int32_t integer_scores(const void* block, const tartan_grid* grid, int64_t first, int64_t last,
                       int16_t* scores, int16_t* best);
int32_t candidates(const tartan_integer_query* query, int32_t nprobe, const int64_t* list_offsets,
                   const int32_t* list_passages, int64_t passages, const uint64_t* allowed, uint64_t* scratch,
                   int32_t* out, float* scores, int64_t capacity, int64_t* count);
int32_t approximate_scores(const tartan_integer_query* query, const tartan_passages* tokens, float threshold,
                           const int32_t* candidates, int64_t n, float* out);
int32_t integer_maxsim(const tartan_integer_query* query, const tartan_codec* codec,
                       const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);
int32_t integer_maxsim_pair(const tartan_integer_query* first, const tartan_integer_query* second,
                            const tartan_codec* codec, const tartan_passages* tokens,
                            const int32_t* candidates, int64_t n, float* out_first, float* out_second);
int32_t rescore(const tartan_query* query, const tartan_integer_query* integers, const tartan_codec* codec,
                const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);
int32_t keep_best(const int32_t* passages, const float* scores, int64_t n, int64_t keep,
                  int32_t* out_passages, float* out_scores, int64_t* count);
int32_t cut(const int32_t* passages, const float* scores, int64_t n, int64_t keep, int32_t* out_passages,
            float* out_scores, int64_t* count);
int32_t maxsim(const tartan_query* query, const tartan_codec* codec, const tartan_passages* tokens,
               const int32_t* candidates, int64_t n, float* out);
int32_t maxsim_dense(const tartan_query* query, const tartan_dense* tokens, const int32_t* candidates,
                     int64_t n, float* out);
int64_t centroid_sketch_bytes(int32_t dim, int64_t centroids);
int32_t sketch_centroids(const float* centroid, int64_t centroids, int32_t dim, const float* rows, int64_t n,
                         void* sketch);
int32_t nearest_centroids(const float* rows, int64_t n, int32_t dim, const float* centroid, int64_t centroids,
                          const void* sketch, int32_t* codes);
int32_t accumulate_centroids(const float* rows, int64_t n, int32_t dim, const int32_t* codes,
                             int64_t centroids, int64_t* sums, int64_t* counts);
int32_t compress(const tartan_codec* codec, const float* rows, int64_t n, const int32_t* codes,
                 uint8_t* residuals, uint16_t* factors);
int32_t decompress(const tartan_codec* codec, const tartan_passages* tokens, int64_t first, int64_t last,
                   float* out);

namespace {

[[maybe_unused]] constexpr float kInfinity = __builtin_inff();

// Scratch memory of one call, freed on every way out.
struct Scratch {
  explicit Scratch(size_t bytes) : data(aligned_alloc(64, (bytes + 63) / 64 * 64)) {}
  ~Scratch() { free(data); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  float* floats() const { return static_cast<float*>(data); }
  void* data;
};

TARTAN_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

TARTAN_INLINE bool within(int64_t number, int64_t limit) {
  return static_cast<uint64_t>(number) < static_cast<uint64_t>(limit);
}

TARTAN_INLINE int64_t code_at(const tartan_passages* tokens, int64_t token) {
  if (tokens->code_bytes == 2) return static_cast<const uint16_t*>(tokens->codes)[token];
  return static_cast<const int32_t*>(tokens->codes)[token];
}

TARTAN_INLINE void prefetch_floats(const float* p, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(p + i);
}

}  // namespace

}  // namespace tartan::TARTAN_ISA

#endif
