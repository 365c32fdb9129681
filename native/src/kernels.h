// The table of kernels that one instruction set provides. The ABI layer has checked all arguments that can be
// checked in constant time; the kernels check codes and passage numbers as they meet them.
#ifndef TARTAN_KERNELS_H
#define TARTAN_KERNELS_H

#include "tartan_cpu.h"

namespace tartan {

struct Kernels {
  int32_t (*centroid_scores)(const tartan_query* query, const float* centroid, int64_t first, int64_t last,
                             float* scores, float* best);
  int32_t (*quantise_centroids)(const float* centroid, int64_t centroids, int32_t dim, uint8_t* values,
                                float* steps, float* reach);
  int32_t (*quantise_query)(const tartan_query* query, const tartan_grid* grid, const tartan_codec* codec,
                            void* block);
  int32_t (*integer_scores)(const void* block, const tartan_grid* grid, int64_t first, int64_t last,
                            int16_t* scores, int16_t* best);
  int32_t (*candidates)(const tartan_integer_query* query, int32_t nprobe, const int64_t* list_offsets,
                        const int32_t* list_passages, int64_t passages, const uint64_t* allowed,
                        uint64_t* scratch, int32_t* out, float* scores, int64_t capacity, int64_t* count);
  int32_t (*approximate_scores)(const tartan_integer_query* query, const tartan_passages* tokens,
                                float threshold, const int32_t* candidates, int64_t n, float* out);
  int32_t (*integer_maxsim)(const tartan_integer_query* query, const tartan_codec* codec,
                            const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);
  int32_t (*integer_maxsim_pair)(const tartan_integer_query* first, const tartan_integer_query* second,
                                 const tartan_codec* codec, const tartan_passages* tokens,
                                 const int32_t* candidates, int64_t n, float* out_first, float* out_second);
  int32_t (*rescore)(const tartan_query* query, const tartan_integer_query* integers,
                     const tartan_codec* codec, const tartan_passages* tokens, const int32_t* candidates,
                     int64_t n, float* out);
  int32_t (*keep_best)(const int32_t* passages, const float* scores, int64_t n, int64_t keep,
                       int32_t* out_passages, float* out_scores, int64_t* count);
  int32_t (*cut)(const int32_t* passages, const float* scores, int64_t n, int64_t keep, int32_t* out_passages,
                 float* out_scores, int64_t* count);
  int32_t (*maxsim)(const tartan_query* query, const tartan_codec* codec, const tartan_passages* tokens,
                    const int32_t* candidates, int64_t n, float* out);
  int32_t (*maxsim_dense)(const tartan_query* query, const tartan_dense* tokens, const int32_t* candidates,
                          int64_t n, float* out);
  int64_t (*centroid_sketch_bytes)(int32_t dim, int64_t centroids);
  int32_t (*sketch_centroids)(const float* centroid, int64_t centroids, int32_t dim, const float* rows,
                              int64_t n, void* sketch);
  int32_t (*nearest_centroids)(const float* rows, int64_t n, int32_t dim, const float* centroid,
                               int64_t centroids, const void* sketch, int32_t* codes);
  int32_t (*accumulate_centroids)(const float* rows, int64_t n, int32_t dim, const int32_t* codes,
                                  int64_t centroids, int64_t* sums, int64_t* counts);
  int32_t (*compress)(const tartan_codec* codec, const float* rows, int64_t n, const int32_t* codes,
                      uint8_t* residuals, uint16_t* factors);
  int32_t (*decompress)(const tartan_codec* codec, const tartan_passages* tokens, int64_t first, int64_t last,
                        float* out);
};

// One table per instruction set, defined by table.cpp, which is compiled once for each.
namespace scalar {
extern const Kernels kKernels;
int64_t integer_query_bytes(int64_t rows, int64_t dim, int64_t nbits);  // the same in every tier
}  // namespace scalar
#if defined(TARTAN_WITH_X86)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

}  // namespace tartan

#endif
