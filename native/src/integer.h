// A query in integers: what quantise_query writes and the integer kernels read.
//
// One block of memory: this head, then the arrays at the places that Layout computes. `lanes` is the number
// of query rows rounded up to 32; the lanes beyond the rows hold a query of zeros, and -32768 as scores.
// At 1 and 2 bits a token costs `groups` look-ups: each nibble of its residual row, the low one of a byte
// first, indexes a table of 16 entries. At 3, 4 and 8 bits it is a dot product of its weights in 7 bits with
// the query rows in 8, whose steps keep 63 times the sum of the magnitudes of half a row within 16 bits.
#ifndef TARTAN_INTEGER_H
#define TARTAN_INTEGER_H

#include "isa.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kBlock = 32;    // query rows that the kernels take at a time
constexpr int kLimit = 63;        // of a quantised query value, and of a table entry: four fit a byte
constexpr int kWeightLimit = 63;  // of a quantised weight
constexpr int kWeightOffset = 64;
constexpr int kHalfLimit =
    511;  // of the sum of magnitudes of half a row that meets weights: 64 * 511 fits 16 bits
constexpr int16_t kNone = -32768;  // the score of a lane beyond the rows

// Keeps a vector in a register and its sums in the order written. The compiler would re-associate them, and
// then spill; and it would load what two multiplications share twice, when loads are what limits them.
#define TARTAN_IN_ORDER(x) __asm__("" : "+x"(x))

struct Head {
  int32_t rows;
  int32_t dim;
  int32_t nbits;  // 0 without tables
  int32_t lanes;
  int32_t groups;
  int32_t shift;     // of the sum of the look-ups before it is multiplied
  float unit;        // what one step of MaxSim stands for
  float score_unit;  // what one step of a centroid score stands for
  float multiplier;  // of a token's factor, to 15-bit fixed point
  float step;        // what one step of the look-ups stands for, times the factor
  int32_t margin;    // steps of MaxSim that a token may lie below the best of a row and be it in float
};

// Whether tokens meet the query in dot products rather than by look-up.
TARTAN_INLINE bool by_dots(int64_t nbits) { return nbits >= 3; }

// Byte places of the arrays.
struct Layout {
  Layout(int64_t rows, int64_t dim, int64_t nbits) : lanes((rows + kBlock - 1) / kBlock * kBlock) {
    groups = nbits == 0 || by_dots(nbits) ? 0 : dim * nbits / 4;
    scale = 64;
    correction = scale + lanes * 4;
    values = correction + lanes * 4;
    bias = values + lanes * dim;
    tables = bias + lanes * 2;
    start = bias;
    weights = start + lanes * 4;
    rows_of_dots = weights + 64;
    bytes = by_dots(nbits) ? rows_of_dots + lanes * dim : tables + groups * 16 * lanes;
  }
  int64_t lanes;
  int64_t groups;
  int64_t scale;       // float [lanes]: from an integer dot product to units
  int64_t correction;  // int16 [lanes, 2]: 128 * the sum of a row's values, for each half
  int64_t values;      // int8 [dim / 4, lanes, 4]
  int64_t bias;        // int16 [lanes]: subtracted from the sum of the look-ups
  int64_t tables;      // uint8 [lanes / 32, groups / 2, 16, 2, 32]; byte 2i is row i, byte 2i + 1 row 16 + i
  // By dots, in place of bias and tables. Row i of 32 is at place_of(i).
  int64_t start;         // int16 [lanes, 2]: -64 * the sum of a row's values, for each half
  int64_t weights;       // uint8 [64]: 64 + the weights, repeated
  int64_t rows_of_dots;  // int8 [dim / 4, lanes, 4]
  int64_t bytes;
};

// Where row i of a block of 32 lies, so that packing sums of 32 bits within lanes of 128 puts the rows in
// order.
TARTAN_INLINE int64_t place_of(int64_t i) { return (i >> 2 & 1) * 16 + (i >> 3) * 4 + (i & 3); }

template <typename T>
TARTAN_INLINE T* at(void* block, int64_t place) {
  return reinterpret_cast<T*>(static_cast<char*>(block) + place);
}
template <typename T>
TARTAN_INLINE const T* at(const void* block, int64_t place) {
  return reinterpret_cast<const T*>(static_cast<const char*>(block) + place);
}

TARTAN_INLINE const Head* head_of(const void* block) { return static_cast<const Head*>(block); }

TARTAN_INLINE Layout layout_of(const Head* head) { return Layout(head->rows, head->dim, head->nbits); }

// The half of a row that dimension d counts to: the kernel sums dimensions 0, 1 of every four apart from
// 2, 3.
TARTAN_INLINE int64_t half_of(int64_t d) { return d >> 1 & 1; }

TARTAN_INLINE int32_t nearest(float x) { return static_cast<int32_t>(__builtin_rintf(x)); }

TARTAN_INLINE int32_t clamp(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : x;
}

TARTAN_INLINE int32_t saturate(int32_t x) { return clamp(x, -32768, 32767); }

// The product of two 16-bit numbers as vpmulhrsw rounds it.
TARTAN_INLINE int32_t multiply_high(int32_t a, int32_t b) { return ((a * b >> 14) + 1) >> 1; }

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
