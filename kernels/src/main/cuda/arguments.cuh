// What the kernels take: one structure each, by value. The Java side writes the same bytes (CudaArguments), so every field
// is aligned to its size and a structure ends on a multiple of eight.
//
// Shapes and meaning are those of native/include/tartan_cpu.h, for a whole batch of queries in one launch. Pointers are to
// device memory, aligned to 16 bytes at least unless their element is smaller; pointers to slices of an array to its rows.
#ifndef TARTAN_ARGUMENTS_CUH
#define TARTAN_ARGUMENTS_CUH

#if defined(TARTAN_EMULATED)
#include <stdint.h>
#else
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#endif

enum Form { kUnit = 0, kScaled = 1 };

// What a kernel leaves in *status if the data contradicts itself; 0 is well.
enum Status { kBadCode = 2, kBadPassage = 3 };

// The rows of query q are [offsets[q], offsets[q + 1]); 1 to 256 of them.
struct Queries {
  const float* rows;       // [sum of rows, dim]
  const int32_t* offsets;  // [queries + 1]
  int32_t queries;
  int32_t dim;
};

struct Codec {
  const float* centroids;  // [K, dim]
  const float* cutoffs;    // [2^nbits - 1], ascending
  const float* weights;    // [2^nbits]
  int64_t count;           // K
  int32_t dim;
  int32_t nbits;
  int32_t form;
  int32_t reserved;
};

struct Passages {
  const int64_t* offsets;    // [count + 1]
  const void* codes;         // [tokens] uint16 or int32
  const uint8_t* residuals;  // [tokens, dim * nbits / 8]
  const uint16_t* factors;   // [tokens] float16; may be null with kUnit: see fused.cuh
  int64_t count;
  int32_t code_bytes;  // 2 or 4
  int32_t reserved;
};

struct Dense {
  const int64_t* offsets;
  const void* rows;  // [tokens, dim] float32 or float16
  int64_t count;
  int32_t value_bytes;  // 4 or 2
  int32_t dim;
};

// The candidates of query q are [q * capacity, q * capacity + counts[q]) of both arrays.
struct Candidates {
  const int32_t* passages;
  float* scores;
  const int64_t* counts;  // [queries]
  int64_t capacity;
};

// Queries in integers. The block of query q starts at blocks + block_offsets[q]; its scores, [K, lanes], at
// scores + K * lane_offsets[q].
struct Integers {
  uint8_t* blocks;
  const int64_t* block_offsets;  // [queries + 1], multiples of 64
  int16_t* scores;
  int16_t* best;                // [queries, K]
  const int32_t* lane_offsets;  // [queries + 1]
  int64_t count;                // K
};

// At the start of a block. Then come, of lanes = rows rounded up to 32:
//   float   scales [lanes]           of integer_scores
//   int32   bias [lanes]             of the look-ups
//   int8    values [dim / 4][lanes][4]
// and at 1 and 2 bits
//   uint8   tables [dim * nbits / 4][16][lanes]
// or at 3, 4 and 8 bits
//   int8    weights [64]
//   int8    rows [dim / 4][lanes][4]
struct BlockHead {
  float unit;        // of MaxSim
  float score_unit;  // of the scores of centroids
  float multiplier;  // from the factor of a token to 15 bits
  int32_t shift;     // of the look-ups
  int32_t rows;
  int32_t lanes;
  int32_t dim;
  int32_t nbits;  // 0 for none
  int32_t reserved[8];
};

// block 256: centroids [64 * blockIdx.x, + 64) and query blockIdx.y
struct CentroidScoresArguments {
  Queries queries;
  const float* centroids;  // [K, dim]
  float* scores;           // query q: [K, rows], from K * offsets[q]
  float* best;             // [queries, K]
  int64_t count;           // K
};

// Any number of blocks of 256. `largest` and `longest` are 0 before.
// tartan_measure_centroids: *largest = bits of the greatest |x| <= 2
// tartan_quantise_centroids: values, and *longest = the greatest sum of squares of half a row, in steps
struct QuantiseCentroidsArguments {
  const float* centroids;
  uint8_t* values;
  uint32_t* largest;
  uint32_t* longest;
  int64_t count;  // K
  int32_t dim;
  int32_t reserved;
};

// block 256: query blockIdx.x. Dynamic shared memory: none.
struct QuantiseQueryArguments {
  Queries queries;
  Codec codec;  // nbits 0: for no residuals
  Integers integers;
  float steps;  // of the grid
  float reach;
};

// block 256: centroids [8 * blockIdx.x, + 8) and query blockIdx.y
struct IntegerScoresArguments {
  Integers integers;
  const uint8_t* grid;  // [K, dim]
  int32_t dim;
  int32_t queries;
};

// In this order, with `bitmap`, `met`, `gains` and `floors` zero before:
//   tartan_probe_centroids   block 256: query row blockIdx.x of all: its nprobe best centroids, best first
//   tartan_mark_passages     block 256: query row blockIdx.x, probe blockIdx.y and every gridDim.y-th from there
//   tartan_count_passages    block 1024: query blockIdx.x: ranks and counts
//   tartan_gain_passages     block 256: query row blockIdx.x: what passages gain above the floors
//   tartan_write_passages    block 256: words blockIdx.x and every gridDim.x-th of query blockIdx.y
struct CandidatesArguments {
  Integers integers;
  const int32_t* row_offsets;    // [queries + 1]
  const int64_t* list_offsets;   // [K + 1]
  const int32_t* list_passages;  // [list_offsets[K]]
  const uint32_t* allowed;  // [words or one more], a bit for each passage that may come out; null for all
  int64_t passages;         // of the segment
  uint64_t* probes;  // [rows, 2^n >= nprobe]: scratch, then (score + 32768) << 32 | ~centroid, descending
  uint32_t* bitmap;  // [queries, words], words = passages / 32 rounded up
  uint32_t* ranks;   // [queries, words]: candidates before a word
  uint32_t* met;     // [rows, words]
  int32_t* gains;    // [queries, passages]
  int32_t* floors;   // [queries]
  int32_t* out;      // [queries, capacity]
  float* scores;     // [queries, capacity]
  int64_t* counts;   // [queries]
  int64_t capacity;  // at least the candidates of any query
  int32_t* status;
  int32_t nprobe;  // at most K
  int32_t padded;  // 2^n
};

// block 256: candidates [8 * blockIdx.x, + 8) of query blockIdx.y
struct ApproximateScoresArguments {
  Integers integers;
  Passages passages;
  Candidates candidates;
  int32_t* status;
  float threshold;
  int32_t reserved;
};

// block 256: candidates [8 * blockIdx.x, + 8) of query blockIdx.y
struct IntegerMaxSimArguments {
  Integers integers;
  Codec codec;
  Passages passages;
  Candidates candidates;
  int32_t* status;
};

// block 128: of query blockIdx.y the candidates 4 * blockIdx.x, + 4 and every 4 * gridDim.x-th from there, one a warp.
// Dynamic shared memory: the fragments of 32 query rows, 1,024 bytes for every 16 dimensions.
//   tartan_maxsim_<nbits>: with scores of centroids     tartan_rescore_<nbits>: with centroids themselves
//   tartan_maxsim_dense
struct MaxSimArguments {
  Queries queries;
  const float* scores;  // as in CentroidScoresArguments; null for rescore
  Codec codec;
  Passages passages;
  Dense dense;  // of tartan_maxsim_dense alone
  Candidates candidates;
  int32_t* status;
};

// block 1024: query blockIdx.x
struct KeepBestArguments {
  Candidates in;
  int32_t* passages;  // [queries, capacity]
  float* scores;
  int64_t* counts;    // [queries]
  uint64_t* scratch;  // keep_best: [queries, padded]; cut: null
  int64_t capacity;
  int64_t keep;    // at most capacity
  int64_t padded;  // 2^n >= keep
};

// block 256: rows [64 * blockIdx.x, + 64)
struct NearestCentroidsArguments {
  const float* rows;
  const float* centroids;
  int32_t* codes;
  int64_t n;
  int64_t count;  // K
  int32_t dim;
  int32_t reserved;
};

// block 256: rows blockIdx.x and every gridDim.x-th from there
struct AccumulateCentroidsArguments {
  const float* rows;
  const int32_t* codes;
  int64_t* sums;    // [K, dim]
  int64_t* counts;  // [K]
  int64_t n;
  int64_t count;  // K
  int32_t* status;
  int32_t dim;
  int32_t reserved;
};

// block 256: rows [32 * blockIdx.x, + 32), eight threads each. Dynamic shared memory: 32 * dim bytes.
struct CompressArguments {
  Codec codec;
  const float* rows;
  const int32_t* codes;
  uint8_t* residuals;
  uint16_t* factors;
  int64_t n;
  int32_t* status;
};

// block 256: tokens [8 * blockIdx.x, + 8) from `first` on, a warp each
struct DecompressArguments {
  Codec codec;
  Passages passages;
  int64_t first;
  int64_t n;
  float* out;
  int32_t* status;
};

#endif
