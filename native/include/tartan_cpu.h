// The C ABI of Tartan's CPU kernels: the contract that the Java side binds by name.
//
// Rules that hold for every function
//   * `tier` names the instruction set that does the work (tartan_best_tier() gives the best that this machine
//     can run). Every tier has the same meaning; results of one tier do not depend on how the caller splits the
//     rows into ranges, nor on threads: each output element is computed from its own inputs in a fixed order.
//   * Returns TARTAN_OK or an error code (tartan_error_text). No exception crosses, no thread is started, no
//     state is kept between calls; any number of threads may call at once on disjoint outputs.
//   * Arrays are dense and row-major, little-endian. float* and integer arrays are aligned to their element;
//     no further alignment is required. Outputs alias no input. Zero rows or passages are allowed and do nothing.
//     Nothing outside the stated arrays is read, not even by a vector load.
//   * dim is a multiple of 8 from 8 to 1024; rows (of a query) from 1 to 256; nbits is 1, 2, 4 or 8.
//   * "dot" without more said is the chain s = fma(a[d], b[d], s) over d = 0 .. dim-1 from s = 0, in float32:
//     scores and codes of all tiers are therefore equal to the bit. Where a bound is stated, it is the absolute
//     difference to the same formula in exact arithmetic for rows of unit length.
//   * A NaN never wins a maximum and never becomes a best: comparisons with it are false.
#ifndef TARTAN_CPU_H
#define TARTAN_CPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define TARTAN_API __declspec(dllexport)
#else
#define TARTAN_API __attribute__((visibility("default")))
#endif

#define TARTAN_ABI_VERSION 1

enum tartan_status {
  TARTAN_OK = 0,
  TARTAN_BAD_ARGUMENT = 1,  // an unknown tier, a dim, nbits or row count outside the ranges above
  TARTAN_BAD_CODE = 2,      // a code outside [0, centroids): the codes are damaged
  TARTAN_BAD_PASSAGE = 3,   // a passage number outside [0, passages): the inverted lists are damaged
  TARTAN_NO_MEMORY = 4,     // scratch memory could not be allocated
  TARTAN_NO_CAPACITY = 5    // an output array is too small for the result
};

enum tartan_tier { TARTAN_SCALAR = 0, TARTAN_AVX2 = 1, TARTAN_TIERS = 2 };

// The tables of a residual codec. A token with code c and bucket numbers b reconstructs to
// normalise(centroid[c] + scale * weights[b]).
typedef struct tartan_codec {
  int32_t dim;
  int32_t nbits;
  int64_t centroids;       // K, at least 1
  const float* centroid;   // [K, dim], rows of unit length
  const float* cutoffs;    // [2^nbits - 1], ascending; read by tartan_compress only
  const float* weights;    // [2^nbits]
} tartan_codec;

// The compressed token embeddings of the passages of one segment.
// A residual row has dim * nbits / 8 bytes. Byte k holds 8 / nbits consecutive dimensions, the first of them,
// k * 8 / nbits, in the lowest bits.
typedef struct tartan_passages {
  int64_t passages;          // P
  const int64_t* offsets;    // [P + 1], tokens of passage p are [offsets[p], offsets[p + 1]), ascending from 0
  const void* codes;         // [tokens] uint16 if code_bytes is 2, int32 if it is 4
  const uint8_t* residuals;  // [tokens, dim * nbits / 8]
  const uint16_t* scales;    // [tokens] float16, or NULL for a scale of 1
  int32_t code_bytes;
  int32_t reserved;
} tartan_passages;

// Uncompressed token embeddings of passages, rows of unit length.
typedef struct tartan_dense {
  int64_t passages;
  const int64_t* offsets;  // [P + 1]
  const void* rows;        // [tokens, dim] float32 if value_bytes is 4, float16 if it is 2
  int32_t value_bytes;
  int32_t dim;
} tartan_dense;

// One query.
typedef struct tartan_query {
  int32_t rows;
  int32_t dim;
  const float* values;  // [rows, dim]
  const float* scores;  // [K, rows], from tartan_centroid_scores; NULL where a function does not read it
  const float* best;    // [K], likewise
} tartan_query;

TARTAN_API int32_t tartan_abi_version(void);

// The best tier that this machine and its operating system can run.
TARTAN_API int32_t tartan_best_tier(void);

// "scalar", "avx2"; NULL for a number that is no tier. Static memory.
TARTAN_API const char* tartan_tier_name(int32_t tier);

// One sentence for a status; never NULL. Static memory.
TARTAN_API const char* tartan_error_text(int32_t status);

// Similarity of every query row with the centroids [first, last):
//   scores[c * rows + r] = dot(values[r], centroid[c]);   best[c] = max over r of scores[c * rows + r]
// scores [K, rows] and best [K] are whole arrays; only [first, last) of them is written. best is -infinity
// where every score of the centroid is NaN. query->scores and query->best are not read.
TARTAN_API int32_t tartan_centroid_scores(int32_t tier, const tartan_query* query, const float* centroid,
                                          int64_t first, int64_t last, float* scores, float* best);

// PLAID candidate generation (2205.09707, section 4.1): the passages in the inverted lists of each query row's
// nprobe best centroids (by score, ties to the lower centroid; NaN is never among them), each once, ascending.
//   list_offsets [K + 1], list_passages [list_offsets[K]]; scratch [(passages + 63) / 64], any content;
//   out [capacity]; *count receives how many were written. capacity = passages always suffices.
TARTAN_API int32_t tartan_candidates(int32_t tier, const tartan_query* query, int64_t centroids, int32_t nprobe,
                                     const int64_t* list_offsets, const int32_t* list_passages, int64_t passages,
                                     uint64_t* scratch, int32_t* out, int64_t capacity, int64_t* count);

// PLAID centroid interaction (section 4.2) with pruning (section 4.3), for n candidates:
//   out[i] = sum over rows r of max over the tokens t of candidate i with best[code[t]] >= threshold
//            of scores[code[t] * rows + r]
// and -infinity if no token passes the threshold (or the passage is empty). threshold -infinity prunes nothing,
// except tokens whose best is NaN. The sum runs over r = 0 .. rows-1 in float32.
TARTAN_API int32_t tartan_approximate_scores(int32_t tier, const tartan_query* query, int64_t centroids,
                                             const tartan_passages* tokens, float threshold,
                                             const int32_t* candidates, int64_t n, float* out);

// The keep best of n scored passages, best first: by score descending, ties to the lower passage number.
// NaN and -infinity are never kept. out_passages and out_scores [min(keep, n)]; *count receives how many.
TARTAN_API int32_t tartan_keep_best(int32_t tier, const int32_t* passages, const float* scores, int64_t n,
                                    int64_t keep, int32_t* out_passages, float* out_scores, int64_t* count);

// Fused MaxSim over compressed passages: decompression happens in registers and cache only.
//   sim(r, t) = (scores[code[t] * rows + r] + scale[t] * sum over d of values[r][d] * weights[b(t, d)]) / norm(t)
//   norm(t)   = max(1e-12, |centroid[code[t]] + scale[t] * weights[b(t)]|)
//   out[i]    = sum over rows r of max over tokens t of candidate i of sim(r, t);   -infinity for an empty passage
// Precision: float32; out differs from exact arithmetic by at most 1e-5 * rows. A row whose every sim is NaN
// makes out NaN.
TARTAN_API int32_t tartan_maxsim(int32_t tier, const tartan_query* query, const tartan_codec* codec,
                                 const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);

// MaxSim over uncompressed passages: sim(r, t) = dot(values[r], row[t]). Same rules and precision.
TARTAN_API int32_t tartan_maxsim_dense(int32_t tier, const tartan_query* query, const tartan_dense* tokens,
                                       const int32_t* candidates, int64_t n, float* out);

// Bytes of a sketch of so many centroids; 0 if the arguments are out of range.
TARTAN_API int64_t tartan_centroid_sketch_bytes(int32_t tier, int32_t dim, int64_t centroids);

// Makes the sketch of centroids by which tartan_nearest_centroids goes faster: an upper bound of their products in
// 8-bit integers. rows [n, dim] are a few of those to come (n may be 0); they choose how the sketch is made and whether
// one pays at all. Costs about as much as the codes of some hundred rows. sketch: tartan_centroid_sketch_bytes of
// them, valid for these centroids and this tier.
TARTAN_API int32_t tartan_sketch_centroids(int32_t tier, const float* centroid, int64_t centroids, int32_t dim,
                                           const float* rows, int64_t n, void* sketch);

// codes[i] = the centroid with the greatest dot(rows[i], centroid[c]), ties to the lower c; 0 if all are NaN.
// rows [n, dim], codes int32 [n]. sketch: of these centroids, or NULL; the codes are the same either way.
// Scratch: a few hundred KiB without a sketch, 60 bytes a centroid with one.
TARTAN_API int32_t tartan_nearest_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                            const float* centroid, int64_t centroids, const void* sketch,
                                            int32_t* codes);

// One k-means step: sums[codes[i]] += fixed(rows[i]), counts[codes[i]] += 1, with
// fixed(x) = x * 2^32 rounded to the nearest integer, ties to even. Integers, so that the result does not depend
// on the order of the rows. |x| <= 1, at most 2^30 rows. sums int64 [K, dim], counts int64 [K], not cleared first.
TARTAN_API int32_t tartan_accumulate_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                               const int32_t* codes, int64_t centroids, int64_t* sums,
                                               int64_t* counts);

// Bucket numbers of the residuals (2112.01488, section 3.3), packed as in tartan_passages:
//   b(i, d) = number of cutoffs strictly below rows[i][d] - centroid[codes[i]][d]   (0 for NaN)
// rows [n, codec->dim], codes int32 [n], residuals [n, dim * nbits / 8].
TARTAN_API int32_t tartan_compress(int32_t tier, const tartan_codec* codec, const float* rows, int64_t n,
                                   const int32_t* codes, uint8_t* residuals);

// Reconstructs tokens [first, last) into out [last - first, dim]:
//   (centroid[code] + scale * weights[b]) / norm, norm as in tartan_maxsim. Bound 1e-6 an element.
TARTAN_API int32_t tartan_decompress(int32_t tier, const tartan_codec* codec, const tartan_passages* tokens,
                                     int64_t first, int64_t last, float* out);

#ifdef __cplusplus
}
#endif

#endif
