// The C ABI of Tartan's CPU kernels: the contract that the Java side binds by name.
//
// Rules that hold for every function
//   * `tier` names the instruction set that does the work (tartan_best_tier() gives the best that this
//   machine
//     can run). Every tier has the same meaning; results of one tier do not depend on how the caller splits
//     the rows into ranges, nor on threads: each output element is computed from its own inputs in a fixed
//     order.
//   * Returns TARTAN_OK or an error code (tartan_error_text). No exception crosses, no thread is started, no
//     state is kept between calls; any number of threads may call at once on disjoint outputs.
//   * Arrays are dense and row-major, little-endian. float* and integer arrays are aligned to their element;
//     no further alignment is required. Outputs alias no input. Zero rows or passages are allowed and do
//     nothing. Nothing outside the stated arrays is read, not even by a vector load.
//   * dim is a multiple of 8 from 8 to 1024; rows (of a query) from 1 to 256; nbits is 1, 2, 3, 4 or 8.
//   * "dot" without more said is the chain s = fma(a[d], b[d], s) over d = 0 .. dim-1 from s = 0, in float32:
//     scores and codes of all tiers are therefore equal to the bit. Where a bound is stated, it is the
//     absolute difference to the same formula in exact arithmetic for rows of unit length.
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

#define TARTAN_ABI_VERSION 5

enum tartan_status {
  TARTAN_OK = 0,
  TARTAN_BAD_ARGUMENT = 1,  // an unknown tier, a dim, nbits or row count outside the ranges above
  TARTAN_BAD_CODE = 2,      // a code outside [0, centroids): the codes are damaged
  TARTAN_BAD_PASSAGE = 3,   // a passage number outside [0, passages): the inverted lists are damaged
  TARTAN_NO_MEMORY = 4,     // scratch memory could not be allocated
  TARTAN_NO_CAPACITY = 5    // an output array is too small for the result
};

// AVX2 with FMA and F16C; AVX-512 with F, BW, DQ, VL, VBMI and VNNI (Ice Lake, Zen 4 and later).
enum tartan_tier { TARTAN_SCALAR = 0, TARTAN_AVX2 = 1, TARTAN_AVX512 = 2, TARTAN_TIERS = 3 };

// How a token with code c and bucket numbers b reconstructs.
enum tartan_form {
  TARTAN_UNIT = 0,   // normalise(centroid[c] + weights[b])
  TARTAN_SCALED = 1  // centroid[c] + factor * weights[b], which is of about unit length
};

// The tables of a residual codec.
typedef struct tartan_codec {
  int32_t dim;
  int32_t nbits;
  int32_t form;
  int32_t reserved;
  int64_t centroids;      // K, at least 1
  const float* centroid;  // [K, dim], rows of at most unit length
  const float* cutoffs;   // [2^nbits - 1], ascending; read by tartan_compress only
  const float* weights;   // [2^nbits]
} tartan_codec;

// The compressed token embeddings of the passages of one segment.
// A residual row has dim * nbits / 8 bytes, a stream of bits from the lowest of each byte up: dimension d has
// the bits [nbits * d, nbits * (d + 1)), its lowest first.
typedef struct tartan_passages {
  int64_t passages;        // P
  const int64_t* offsets;  // [P + 1], tokens of passage p are [offsets[p], offsets[p + 1]), ascending from 0
  const void* codes;       // [tokens] uint16 if code_bytes is 2, int32 if it is 4
  const uint8_t* residuals;  // [tokens, dim * nbits / 8]
  // [tokens] float16. TARTAN_SCALED: the factor on the weights of the token. TARTAN_UNIT:
  // 1 / |centroid[c] + weights[b]|; the functions here compute it themselves, so that it may be NULL.
  const uint16_t* factors;
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

// The centroids in 8-bit integers, from tartan_quantise_centroids.
typedef struct tartan_grid {
  int64_t centroids;
  int32_t dim;
  float steps;  // integer steps a unit
  float reach;  // the greatest length in steps of dimensions 0, 1 of every four of a centroid, or of 2, 3
  int32_t reserved;
  const uint8_t* values;  // [K, dim], 128 + round(steps * centroid)
} tartan_grid;

// A query in integers: `block` is opaque, written by tartan_quantise_query and valid for the library that
// wrote it; lanes = rows rounded up to 32. Scores of lanes beyond the rows are -32768.
typedef struct tartan_integer_query {
  const void* block;      // aligned to 64 bytes
  int64_t centroids;      // K
  const int16_t* scores;  // [K, lanes], from tartan_integer_scores; NULL where a function does not read it
  const int16_t* best;    // [K], likewise
} tartan_integer_query;

TARTAN_API int32_t tartan_abi_version(void);

// The best tier that this machine and its operating system can run.
TARTAN_API int32_t tartan_best_tier(void);

// "scalar", "avx2", "avx512"; NULL for a number that is no tier. Static memory.
TARTAN_API const char* tartan_tier_name(int32_t tier);

// One sentence for a status; never NULL. Static memory.
TARTAN_API const char* tartan_error_text(int32_t status);

// Similarity of every query row with the centroids [first, last):
//   scores[c * rows + r] = dot(values[r], centroid[c]);   best[c] = max over r of scores[c * rows + r]
// scores [K, rows] and best [K] are whole arrays; only [first, last) of them is written. best is -infinity
// where every score of the centroid is NaN. query->scores and query->best are not read.
TARTAN_API int32_t tartan_centroid_scores(int32_t tier, const tartan_query* query, const float* centroid,
                                          int64_t first, int64_t last, float* scores, float* best);

// ---- Search stages in integers ----------------------------------------------------------------------------
// All tiers agree to the bit. NaN and values beyond 1e18 (2 in a centroid) count as zero. Rounding is to the
// nearest, ties to even; float arithmetic is float32 without fused multiply-adds.

// values[i] = 128 + round(steps * centroid[i]) for K = centroids rows of dim, with
//   steps = 216, or 127 / max |centroid| if that is less;
// and steps and reach of a tartan_grid.
TARTAN_API int32_t tartan_quantise_centroids(int32_t tier, const float* centroid, int64_t centroids,
                                             int32_t dim, uint8_t* values, float* steps, float* reach);

// The bytes of the block of a query, a multiple of 64; nbits 0 for a query that meets no residuals; 0 for an
// argument out of range.
TARTAN_API int64_t tartan_integer_query_bytes(int32_t rows, int32_t dim, int32_t nbits);

// Writes the block of a query: its rows in 7-bit integers for tartan_integer_scores, and unless codec is NULL
// what tartan_integer_maxsim needs of it:
//   1, 2 bits:     tables of 6-bit entries: a residual row is cut into nibbles, the low one of a byte first,
//   and a
//                  table holds for each value of a nibble what its dimensions add to the dot product;
//   3, 4, 8 bits:  p[r][d] = round(steps * values[r][d]) within +-127 and v[b] = round(other * weights[b])
//   within
//                  +-63, of 8-bit codes the high six bits alone, whose weight is the mean of its four. The
//                  steps are the greatest, one for all rows, at which the magnitudes of p[r][d] over d = 0, 1
//                  of every four add up to 511 at most, and over d = 2, 3: half a dot product fits 16 bits
//                  whatever b is.
// Only query->values is read. The scores have one unit for all rows, so that they add as integers.
TARTAN_API int32_t tartan_quantise_query(int32_t tier, const tartan_query* query, const tartan_grid* grid,
                                         const tartan_codec* codec, void* block);

// scores[c * lanes + r] = round(dot(values[r], centroid[c]) / unit) of the quantised values, within +-32767,
// for centroids [first, last); best[c] = max over r. Error of a score, rows and centroids of unit length:
// standard deviation 0.002 at dim 128. query->scores and query->best are not read.
TARTAN_API int32_t tartan_integer_scores(int32_t tier, const tartan_integer_query* query,
                                         const tartan_grid* grid, int64_t first, int64_t last,
                                         int16_t* scores, int16_t* best);

// PLAID candidate generation (2205.09707, section 4.1): the passages in the inverted lists of each query
// row's nprobe best centroids (by score, ties to the lower centroid), each once, ascending, with what the
// lists tell of their scores: for each row the best probed centroid that lists the passage, or the row's
// worst probed one, which bounds the others:
//   scores[i] = unit * sum over r of max(least score probed for r, scores of the probed c that list passage
//   i)
// list_offsets [K + 1], list_passages [list_offsets[K]]; scratch [(passages + 63) / 64 + (passages + 1) / 2],
// any content; out and scores [capacity]; *count receives how many were written. capacity = passages always
// suffices. allowed [(passages + 63) / 64], or NULL for all: only passages p with bit p % 64 of word p / 64
// set are written; bits beyond the passages do not matter.
TARTAN_API int32_t tartan_candidates(int32_t tier, const tartan_integer_query* query, int32_t nprobe,
                                     const int64_t* list_offsets, const int32_t* list_passages,
                                     int64_t passages, const uint64_t* allowed, uint64_t* scratch,
                                     int32_t* out, float* scores, int64_t capacity, int64_t* count);

// PLAID centroid interaction (section 4.2) with pruning (section 4.3), for n candidates:
//   out[i] = unit * sum over rows r of max over the tokens t of candidate i with best[code[t]] * unit >=
//   threshold
//            of scores[code[t] * lanes + r]
// and -infinity if no token passes the threshold (or the passage is empty). threshold -infinity prunes
// nothing.
TARTAN_API int32_t tartan_approximate_scores(int32_t tier, const tartan_integer_query* query,
                                             const tartan_passages* tokens, float threshold,
                                             const int32_t* candidates, int64_t n, float* out);

// MaxSim over compressed passages in integers. With a(r, t) the sum of the table entries of token t less a
// bias, or floor(sum over d of p[r][d] * v[b(t, d)] / 2) with shift = 0; high(x, y) = (x * y + 2^14) >> 15;
// and a factor of 15 bits made of factors[t]:
//   TARTAN_SCALED:  x(r, t) = scores[code[t], r] + high(a(r, t) << shift, factor)
//   TARTAN_UNIT:    x(r, t) = high(scores[code[t], r] + (a(r, t) << shift), factor)
//   out[i] = unit * sum over r of max over tokens t of candidate i of x(r, t);   -infinity for an empty
//   passage
// Additions saturate. tokens->factors NULL counts as ones. Error against tartan_maxsim, rows and tokens of
// unit length, of one row: standard deviation 0.003 at dim 128.
TARTAN_API int32_t tartan_integer_maxsim(int32_t tier, const tartan_integer_query* query,
                                         const tartan_codec* codec, const tartan_passages* tokens,
                                         const int32_t* candidates, int64_t n, float* out);

// tartan_integer_maxsim of two queries of at most 16 rows each with the same candidates, the same bits as one
// after the other; at 1 and 2 bits in little more than the time of one.
TARTAN_API int32_t tartan_integer_maxsim_pair(int32_t tier, const tartan_integer_query* first,
                                              const tartan_integer_query* second, const tartan_codec* codec,
                                              const tartan_passages* tokens, const int32_t* candidates,
                                              int64_t n, float* out_first, float* out_second);

// tartan_maxsim by way of integers: only tokens whose x(r, t) lies within eight standard deviations of its
// error of the best of a row are reconstructed and multiplied in float. out as tartan_maxsim; same precision,
// but for rows whose integer error exceeds that (one in 10^14). query->values is read, its scores are not.
TARTAN_API int32_t tartan_rescore(int32_t tier, const tartan_query* query,
                                  const tartan_integer_query* integers, const tartan_codec* codec,
                                  const tartan_passages* tokens, const int32_t* candidates, int64_t n,
                                  float* out);

// -----------------------------------------------------------------------------------------------------------

// The keep best of n scored passages, best first: by score descending, ties to the lower passage number.
// NaN and -infinity are never kept. out_passages and out_scores [min(keep, n)]; *count receives how many.
TARTAN_API int32_t tartan_keep_best(int32_t tier, const int32_t* passages, const float* scores, int64_t n,
                                    int64_t keep, int32_t* out_passages, float* out_scores, int64_t* count);

// The keep best of n scored passages in the order they came, ties to the earlier: what keeps ascending
// passages ascending. NaN and -infinity are never kept. out_passages and out_scores [min(keep, n)]; *count
// receives how many.
TARTAN_API int32_t tartan_cut(int32_t tier, const int32_t* passages, const float* scores, int64_t n,
                              int64_t keep, int32_t* out_passages, float* out_scores, int64_t* count);

// Fused MaxSim over compressed passages: decompression happens in registers and cache only.
//   sim(r, t) = a(t) * scores[code[t] * rows + r] + f(t) * sum over d of values[r][d] * weights[b(t, d)]
//   TARTAN_UNIT:    a(t) = f(t) = 1 / max(1e-12, |centroid[code[t]] + weights[b(t)]|)
//   TARTAN_SCALED:  a(t) = 1, f(t) = factors[t]
//   out[i]    = sum over rows r of max over tokens t of candidate i of sim(r, t);   -infinity for an empty
//   passage
// Precision: float32; out differs from exact arithmetic by at most 1e-5 * rows. A row whose every sim is NaN
// makes out NaN.
TARTAN_API int32_t tartan_maxsim(int32_t tier, const tartan_query* query, const tartan_codec* codec,
                                 const tartan_passages* tokens, const int32_t* candidates, int64_t n,
                                 float* out);

// MaxSim over uncompressed passages: sim(r, t) = dot(values[r], row[t]). Same rules and precision.
TARTAN_API int32_t tartan_maxsim_dense(int32_t tier, const tartan_query* query, const tartan_dense* tokens,
                                       const int32_t* candidates, int64_t n, float* out);

// Bytes of a sketch of so many centroids; 0 if the arguments are out of range.
TARTAN_API int64_t tartan_centroid_sketch_bytes(int32_t tier, int32_t dim, int64_t centroids);

// Makes the sketch of centroids by which tartan_nearest_centroids goes faster: an upper bound of their
// products in 8-bit integers. rows [n, dim] are a few of those to come (n may be 0); they choose how the
// sketch is made and whether one pays at all. Costs about as much as the codes of some hundred rows. sketch:
// tartan_centroid_sketch_bytes of them, valid for these centroids and this tier.
TARTAN_API int32_t tartan_sketch_centroids(int32_t tier, const float* centroid, int64_t centroids,
                                           int32_t dim, const float* rows, int64_t n, void* sketch);

// codes[i] = the centroid with the greatest dot(rows[i], centroid[c]), ties to the lower c; 0 if all are NaN.
// rows [n, dim], codes int32 [n]. sketch: of these centroids, or NULL; the codes are the same either way.
// Scratch: a few hundred KiB without a sketch, 60 bytes a centroid with one.
TARTAN_API int32_t tartan_nearest_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                            const float* centroid, int64_t centroids, const void* sketch,
                                            int32_t* codes);

// One k-means step: sums[codes[i]] += fixed(rows[i]), counts[codes[i]] += 1, with
// fixed(x) = x * 2^32 rounded to the nearest integer, ties to even. Integers, so that the result does not
// depend on the order of the rows. |x| <= 1, at most 2^30 rows. sums int64 [K, dim], counts int64 [K], not
// cleared first.
TARTAN_API int32_t tartan_accumulate_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                               const int32_t* codes, int64_t centroids, int64_t* sums,
                                               int64_t* counts);

// Bucket numbers of the residuals (2112.01488, section 3.3), packed as in tartan_passages:
//   r(i)    = rows[i] - centroid[codes[i]]
//   b(i, d) = number of cutoffs strictly below r(i)[d] / s(i)   (0 for NaN), with
//   TARTAN_UNIT:    s(i) = 1,                  factors[i] = 1 / max(1e-12, |centroid[codes[i]] +
//   weights[b(i)]|) TARTAN_SCALED:  s(i) starts as |r(i)| / sqrt(dim) and at 2 to 4 bits is refined twice:
//   with w(d) = weights[b(i, d)],
//                   1 / s(i) is divided by 2 (r(i).w / w.w) / s(i) - 1 where that is positive, which doubles
//                   the step to the s of least squared error; factors[i] = |r(i)| / |w|, by which a token
//                   keeps the length of its residual
// rows [n, codec->dim], codes int32 [n], residuals [n, dim * nbits / 8], factors [n] float16 or NULL if they
// are not wanted. Equal to the bit in all tiers: the sums of products run over every eighth dimension, which
// are then added as ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), without fused multiply-adds.
TARTAN_API int32_t tartan_compress(int32_t tier, const tartan_codec* codec, const float* rows, int64_t n,
                                   const int32_t* codes, uint8_t* residuals, uint16_t* factors);

// Reconstructs tokens [first, last) into out [last - first, dim]:
//   a(t) * centroid[code[t]] + f(t) * weights[b(t)], a and f as in tartan_maxsim. Bound 1e-6 an element.
TARTAN_API int32_t tartan_decompress(int32_t tier, const tartan_codec* codec, const tartan_passages* tokens,
                                     int64_t first, int64_t last, float* out);

#ifdef __cplusplus
}
#endif

#endif
