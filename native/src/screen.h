// Screens centroids by their sketch and verifies in float the few that can still be nearest.
//
// A tile (bound_tile.h) is 6 rows by a panel of 16 centroids: 12 sums of bytes' products in 16-bit lanes, two
// to a centroid (12 of 32 bits for two panels with AVX-512), started at minus the row's share of the offset.
// The bounds of a batch of rows with all centroids go to memory (2 bytes each) with their maxima over groups
// of 64; then each row takes the product with the centroid of the greatest bound, and afterwards only looks
// where a bound reaches the best product so far. A product is taken in an order of its own, which differs
// from the chain of fma by less than gamma = 2 * dim * 2^-24 * |row| |centroid|; where another is within 4
// gamma of the best, their chains decide.
#ifndef TARTAN_SCREEN_H
#define TARTAN_SCREEN_H

#include "bound_tile.h"

#if defined(TARTAN_ISA_AVX2)

namespace tartan::TARTAN_ISA {
namespace {

constexpr int64_t kScreenRows = 24;  // a batch
constexpr int64_t kBlock = 2048;     // centroids in cache while a batch passes
constexpr int kClose = 32;           // centroids near the best of a row
constexpr int64_t kFound = 2048;     // centroids that a row leaves to verify

struct Screen {
  const Sketch* sketch;
  const float* centroid;
  int64_t centroids;
  int64_t dim;
  int16_t* bounds;  // [kScreenRows, padded]
  int16_t* maxima;  // [kScreenRows, padded / 64, 16]
  int8_t* bytes;    // [kScreenRows, width]
  float* extended;  // [6, width]
  int64_t padded;
};

TARTAN_INLINE int64_t screen_bytes(const Sketch* s, int64_t centroids) {
  const int64_t padded = padded_centroids(centroids);
  return kScreenRows * (padded * 2 + padded / kGroup * 32 + padded_width(s)) + 6 * padded_width(s) * 4;
}

TARTAN_INLINE Screen open_screen(const Sketch* s, const float* centroid, int64_t centroids, int64_t dim,
                                 void* memory) {
  const int64_t padded = padded_centroids(centroids);
  char* at = static_cast<char*>(memory);
  Screen out = {s, centroid, centroids, dim, nullptr, nullptr, nullptr, nullptr, padded};
  out.bounds = reinterpret_cast<int16_t*>(at);
  at += kScreenRows * padded * 2;
  out.maxima = reinterpret_cast<int16_t*>(at);
  at += kScreenRows * padded / kGroup * 32;
  out.extended = reinterpret_cast<float*>(at);
  at += 6 * padded_width(s) * 4;
  out.bytes = reinterpret_cast<int8_t*>(at);
  return out;
}

TARTAN_INLINE const int16_t* bounds_of(const Screen& s, int64_t row) { return s.bounds + row * s.padded; }

TARTAN_INLINE const int16_t* maxima_of(const Screen& s, int64_t row) {
  return s.maxima + row * (s.padded / kGroup) * kLanes;
}

TARTAN_INLINE float greatest_of(const float* x, int64_t n) {
  Vec top = vec_set(0);
  const Vec sign = vec_set(-0.0f);
  for (int64_t d = 0; d < n; d += 8) top = vec_max(_mm256_andnot_ps(sign, vec_load(x + d)), top);
  float lane[8];
  vec_store(lane, top);
  for (int i = 1; i < 8; i++) lane[0] = lane[i] > lane[0] ? lane[i] : lane[0];
  return lane[0];
}

// Rounds an extended row to bytes; false if it does not fit them.
TARTAN_INLINE bool quantize_row(const Sketch& s, const float* x, Query* q) {
  const int64_t width = padded_width(&s);
  const float norm = static_cast<float>(row_norm(x, width)) * 1.000001f;
  const float room = (32700 / s.norm - __builtin_sqrtf(static_cast<float>(width))) / norm;
  const float whole = 64 / greatest_of(x, width);
  const float scale = whole < room ? whole : room;
  if (!(scale >= 8)) return false;
  Vec error = vec_set(0);
  Vec length = vec_set(0);
  __m256i sum = _mm256_setzero_si256();
  for (int64_t d = 0; d < width; d += 8) {
    const Vec exact = vec_mul(vec_load(x + d), vec_set(scale));
    const __m256i rounded = _mm256_cvtps_epi32(exact);
    const Vec value = _mm256_cvtepi32_ps(rounded);
    const Vec off = vec_sub(value, exact);
    error = vec_fma(off, off, error);
    length = vec_fma(value, value, length);
    sum = _mm256_add_epi32(sum, rounded);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(q->bytes + d), _mm_packs_epi16(words, words));
  }
  int32_t lane[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lane), sum);
  q->start = start_of(lane[0] + lane[1] + lane[4] + lane[5], lane[2] + lane[3] + lane[6] + lane[7]);
  q->factor = scale * s.scale / s.largest;
  q->allowance = __builtin_sqrtf(vec_sum(length)) * s.error * 1.0001f +
                 (__builtin_sqrtf(vec_sum(error)) * 1.0001f + 1e-3f) * s.scale * s.extended +
                 s.slack * scale * s.scale + 1;
  return true;
}

// The bounds of a batch of queries, a whole number of tiles, with all centroids.
void bound_batch(const Screen& s, const Query* queries, int64_t count) {
  const int64_t width = s.sketch->width;
  const uint8_t* panels = sketch_panels(s.sketch, s.dim);
  for (int64_t block = 0; block < s.padded; block += kBlock) {
    const int64_t end = smaller(block + kBlock, s.padded);
    for (int64_t q = 0; q < count; q += 6) {
      for (int64_t c = block; c < end; c += kGroup) {
        __m256i top[6];
        for (int t = 0; t < 6; t++) top[t] = _mm256_set1_epi16(INT16_MIN);
        for (int64_t p = c; p < c + kGroup; p += kPanels * kLanes) {
          __m256i bound[kPanels][6];
          bound_tile(panels + p * width, width / 4, queries + q, bound);
          for (int t = 0; t < 6; t++) {
            for (int k = 0; k < kPanels; k++) {
              int16_t* to = s.bounds + (q + t) * s.padded + p + k * kLanes;
              _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bound[k][t]);
              top[t] = _mm256_max_epi16(top[t], bound[k][t]);
            }
          }
        }
        for (int t = 0; t < 6; t++) {
          int16_t* to = s.maxima + ((q + t) * s.padded + c) / kGroup * kLanes;
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), top[t]);
        }
      }
    }
  }
}

TARTAN_INLINE float fast_dot(const float* a, const float* b, int64_t dim) {
  Vec s0 = vec_set(0), s1 = s0, s2 = s0, s3 = s0;
  int64_t d = 0;
  for (; d + 32 <= dim; d += 32) {
    s0 = vec_fma(vec_load(a + d), vec_load(b + d), s0);
    s1 = vec_fma(vec_load(a + d + 8), vec_load(b + d + 8), s1);
    s2 = vec_fma(vec_load(a + d + 16), vec_load(b + d + 16), s2);
    s3 = vec_fma(vec_load(a + d + 24), vec_load(b + d + 24), s3);
  }
  for (; d < dim; d += 8) s0 = vec_fma(vec_load(a + d), vec_load(b + d), s0);
  return vec_sum(vec_add(vec_add(s0, s1), vec_add(s2, s3)));
}

// What verification knows of a row: the best product so far and the centroids close to it.
struct Verified {
  float best;
  float gamma;
  int count;
  bool full;
  float product[kClose];
  int32_t centroid[kClose];
};

void drop_far(Verified* v) {
  int kept = 0;
  for (int i = 0; i < v->count; i++) {
    if (v->product[i] < v->best - 4 * v->gamma) continue;
    v->product[kept] = v->product[i];
    v->centroid[kept++] = v->centroid[i];
  }
  v->count = kept;
}

// True if c is the best so far.
TARTAN_INLINE bool verify(const Screen& s, const float* row, int64_t c, Verified* v) {
  const float product = fast_dot(row, s.centroid + c * s.dim, s.dim);
  if (product < v->best - 4 * v->gamma) return false;
  const bool better = product > v->best;
  if (better) v->best = product;
  if (v->count == kClose) drop_far(v);
  if (v->count == kClose) {
    v->full = true;
    return false;
  }
  v->product[v->count] = product;
  v->centroid[v->count++] = static_cast<int32_t>(c);
  return better;
}

// The least bound that a centroid can have whose product is the greatest. -32768 lets all pass.
TARTAN_INLINE int32_t threshold_of(const Query& q, const Verified& v) {
  const float least = (v.best - 4 * v.gamma) * q.inverse * q.factor;
  const float bound = least - __builtin_fabsf(least) * 1e-5f - q.allowance;
  return bound > -32768 ? static_cast<int32_t>(bound) - 1 : -32768;
}

TARTAN_INLINE uint32_t reaching(const int16_t* bounds, int32_t threshold) {
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bounds));
  const __m256i least = _mm256_set1_epi16(static_cast<int16_t>(threshold));
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi16(least, x)));
}

// A centroid of the greatest bound.
int32_t most_promising(const Screen& s, const int16_t* bounds, const int16_t* maxima) {
  __m256i top = _mm256_set1_epi16(INT16_MIN);
  for (int64_t i = 0; i < s.padded / kGroup * kLanes; i += kLanes) {
    top = _mm256_max_epi16(top, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(maxima + i)));
  }
  // The least of unsigned words is found by one instruction; 32767 - x reverses the order.
  top = _mm256_xor_si256(top, _mm256_set1_epi16(INT16_MAX));
  const __m128i least = _mm_min_epu16(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
  const int16_t best = static_cast<int16_t>(_mm_extract_epi16(_mm_minpos_epu16(least), 0) ^ INT16_MAX);
  int64_t group = 0;
  while (!reaching(maxima + group * kLanes, best)) group++;
  int64_t c = group * kGroup;
  while (bounds[c] < best) c++;
  return static_cast<int32_t>(smaller(c, s.centroids - 1));
}

// A row in verification: the centroids whose bounds may still reach, in ascending order.
struct Pending {
  int64_t count;
  int32_t centroid[kFound];
};

// Finds the centroids whose bounds reach the threshold; false if there is no room for all.
bool gather(const Screen& s, const int16_t* bounds, const int16_t* maxima, int32_t threshold, Pending* out) {
  out->count = 0;
  for (int64_t g = 0; g < s.padded / kGroup; g++) {
    if (!reaching(maxima + g * kLanes, threshold)) continue;
    for (int64_t p = g * kGroup; p < (g + 1) * kGroup; p += kLanes) {
      for (uint32_t bits = reaching(bounds + p, threshold) & 0x55555555u; bits; bits &= bits - 1) {
        const int64_t c = p + __builtin_ctz(bits) / 2;
        if (c >= s.centroids) break;
        if (out->count == kFound) return false;
        out->centroid[out->count++] = static_cast<int32_t>(c);
      }
    }
  }
  return true;
}

// Moves the centroids with bounds of at least `first` to the front, drops those below `least`, and fetches
// the ones at the front.
int64_t partition(const Screen& s, const int16_t* bounds, int32_t least, int32_t first, Pending* p) {
  int64_t front = 0;
  int64_t kept = 0;
  for (int64_t i = 0; i < p->count; i++) {
    const int32_t c = p->centroid[i];
    if (bounds[c] < least) continue;
    p->centroid[kept] = c;
    if (bounds[c] >= first) {
      prefetch_floats(s.centroid + c * s.dim, s.dim);
      p->centroid[kept] = p->centroid[front];
      p->centroid[front++] = c;
    }
    kept++;
  }
  p->count = kept;
  return front;
}

// The code of a row of which `v` holds what is known; -1 if too many centroids are too near to be told apart.
int32_t code_of(const Screen& s, const Query& q, Verified* v) {
  drop_far(v);
  if (v->full) return -1;
  if (v->count == 1) return v->centroid[0];
  float best = 0;
  int32_t code = -1;
  for (int i = 0; i < v->count; i++) {
    const float x = chain_dot(q.row, s.centroid + v->centroid[i] * s.dim, s.dim);
    if (code < 0 || x > best || (x == best && v->centroid[i] < code)) {
      best = x;
      code = v->centroid[i];
    }
  }
  return code;
}

// Verifies the first `count` of the pending centroids and drops them.
void verify_front(const Screen& s, const Query& q, const int16_t* bounds, int64_t count, Pending* p,
                  Verified* v) {
  int32_t threshold = threshold_of(q, *v);
  for (int64_t i = 0; i < count && !v->full; i++) {
    if (bounds[p->centroid[i]] < threshold) continue;
    if (verify(s, q.row, p->centroid[i], v)) threshold = threshold_of(q, *v);
  }
  p->count -= count;
  memmove(p->centroid, p->centroid + count, static_cast<size_t>(p->count) * sizeof(int32_t));
}

// Finds the codes of a batch whose bounds are known. A row goes through three steps, a few rows apart so that
// the misses of one are waited for while others are looked through: find the centroid of the greatest bound;
// verify it, find all that may beat it and fetch the better half by bound; verify these and fetch those that
// are left.
void verify_batch(const Screen& s, const Query* queries, int64_t n, int32_t* codes) {
  Verified known[kScreenRows];
  int32_t start[kScreenRows];
  int64_t front[kScreenRows];
  Pending pending[3];
  for (int64_t i = 0; i < n; i++) {
    start[i] = most_promising(s, bounds_of(s, i), maxima_of(s, i));
    prefetch_floats(s.centroid + start[i] * s.dim, s.dim);
    const float gamma = static_cast<float>(s.dim) * 0x1.1p-23f * s.sketch->largest / queries[i].inverse;
    known[i] = {-kInfinity, gamma, 0, !queries[i].fits, {}, {}};
  }
  for (int64_t step = 0; step < n + 2; step++) {
    int64_t i = step;
    if (i < n && !known[i].full) {
      Verified* v = known + i;
      Pending* p = pending + i % 3;
      verify(s, queries[i].row, start[i], v);
      const int32_t threshold = threshold_of(queries[i], *v);
      v->full = !gather(s, bounds_of(s, i), maxima_of(s, i), threshold, p);
      const int32_t greatest = bounds_of(s, i)[start[i]];
      if (!v->full) front[i] = partition(s, bounds_of(s, i), threshold, (threshold + greatest) / 2, p);
    }
    i = step - 1;
    if (i >= 0 && i < n && !known[i].full) {
      Pending* p = pending + i % 3;
      verify_front(s, queries[i], bounds_of(s, i), front[i], p, known + i);
      const int32_t threshold = threshold_of(queries[i], known[i]);
      front[i] = partition(s, bounds_of(s, i), threshold, threshold, p);
    }
    i = step - 2;
    if (i < 0) continue;
    if (!known[i].full) verify_front(s, queries[i], bounds_of(s, i), front[i], pending + i % 3, known + i);
    codes[i] = code_of(s, queries[i], known + i);
  }
}

// Codes of up to kScreenRows rows; -1 for those that are to be done in float.
void screen_rows(const Screen& s, const float* rows, int64_t n, int32_t* codes) {
  Query queries[kScreenRows];
  const int64_t tiles = (n + 5) / 6 * 6;
  const int64_t width = padded_width(s.sketch);
  for (int64_t i = 0; i < tiles; i += 6) {
    const float* a[6];
    float inverse[6], norm[6];
    const int64_t count = smaller(6, n - i);
    for (int64_t t = 0; t < 6; t++) {
      a[t] = rows + (i + smaller(t, count - 1)) * s.dim;
      const double length = row_norm(a[t], s.dim);
      queries[i + t].fits = length > 1e-10 && length < 1e10;
      norm[t] = queries[i + t].fits ? static_cast<float>(length) : 1;
      inverse[t] = 1 / norm[t];
    }
    extend_rows(*s.sketch, sketch_basis(s.sketch), a, 6, s.dim, inverse, norm, s.extended);
    for (int64_t t = 0; t < 6; t++) {
      Query* q = queries + i + t;
      *q = {a[t], inverse[t], 0, 0, s.bytes + (i + t) * width, 0, q->fits};
      if (q->fits) q->fits = quantize_row(*s.sketch, s.extended + t * width, q);
      if (!q->fits) memset(q->bytes, 0, static_cast<size_t>(width));
    }
  }
  bound_batch(s, queries, tiles);
  verify_batch(s, queries, n, codes);
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
#endif
