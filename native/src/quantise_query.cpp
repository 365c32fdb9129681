// Turns a query into the block of integer.h.
//
// Values: round(steps * q), per row, with steps = min(63 / max |q|, (32767 / reach - rounding) / longest
// half): by Cauchy and Schwarz no 16-bit half of a dot product with a quantised centroid overflows. Tables:
// entry = round((v - low) / step) in 0 .. limit, where v is the sum of q[d] * weights[b[d]] over the
// dimensions of a group and low its least value over b; one step for all rows and groups, so that scores of
// different rows add as integers. bias = round(-sum of low / step).
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): see docs/kernels.md.
#include "integer.h"
#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr float kSlack = 1.1f;  // of a score beyond the length of its query row: rounding, centroids' lengths

// What the tables of a range of groups are made of.
struct Plane {
  int64_t end;        // groups before this one
  int32_t dims;       // dimensions of a nibble
  int32_t bits;       // bits a dimension
  float weights[16];  // of the bits of one dimension
};

struct Planes {
  explicit Planes(const tartan_codec* codec) {
    const float* w = codec->weights;
    const int64_t dim = codec->dim;
    if (codec->nbits == 8) {  // the mean of the weights that share the high nibble
      plane[0] = {dim, 1, 4, {}};
      for (int i = 0; i < 256; i++) plane[0].weights[i >> 4] += w[i] * (1.0f / 16);
      plane[1] = plane[0];
    } else if (codec->nbits == 3) {  // the two high bits, then what the lowest adds or takes on average
      plane[0] = {dim / 2, 2, 2, {}};
      plane[1] = {dim * 3 / 4, 4, 1, {}};
      float apart = 0;
      for (int i = 0; i < 4; i++) {
        plane[0].weights[i] = (w[2 * i] + w[2 * i + 1]) * 0.5f;
        apart += (w[2 * i + 1] - w[2 * i]) * 0.125f;
      }
      plane[1].weights[0] = -apart;
      plane[1].weights[1] = apart;
    } else {
      plane[0] = {dim * codec->nbits / 4, 4 / codec->nbits, codec->nbits, {}};
      for (int i = 0; i < 1 << codec->nbits; i++) plane[0].weights[i] = w[i];
      plane[1] = plane[0];
    }
  }
  const Plane& of(int64_t group) const { return plane[group >= plane[0].end]; }
  // The first dimension of a group.
  int64_t first(int64_t group) const {
    return group < plane[0].end ? group * plane[0].dims : (group - plane[0].end) * plane[1].dims;
  }
  Plane plane[2];
};

TARTAN_INLINE float cleaned(float x) { return x >= -1e18f && x <= 1e18f ? x : 0.0f; }

// The query transposed to [dim, lanes], zeros in the lanes beyond and for what is not finite.
void transpose(const tartan_query* query, int64_t lanes, float* out) {
  memset(out, 0, static_cast<size_t>(lanes * query->dim) * sizeof(float));
  for (int64_t r = 0; r < query->rows; r++) {
    const float* row = query->values + r * query->dim;
    for (int64_t d = 0; d < query->dim; d++) out[d * lanes + r] = cleaned(row[d]);
  }
}

TARTAN_INLINE Vec vec_abs(Vec x) { return vec_max(x, vec_sub(vec_set(0), x)); }

struct Rows {
  float longest;  // length of one
  float steps;    // the least
};

// Eight rows: the greatest value, and the squared lengths of both halves.
struct Extent {
  float largest[8];
  float half[2][8];
};

Extent extent_of(const float* q, int64_t lanes, int64_t dim) {
  Vec largest = vec_set(0);
  Vec half[2] = {vec_set(0), vec_set(0)};
  for (int64_t d = 0; d < dim; d++) {
    const Vec x = vec_load(q + d * lanes);
    largest = vec_max(vec_abs(x), largest);
    half[half_of(d)] = vec_add(half[half_of(d)], vec_mul(x, x));
  }
  Extent extent;
  vec_store(extent.largest, largest);
  vec_store(extent.half[0], half[0]);
  vec_store(extent.half[1], half[1]);
  return extent;
}

// Quantises the rows.
Rows quantise_rows(const float* q, const Layout& at_, int64_t dim, float reach, float steps, void* block) {
  Rows rows = {0, 1e30f};
  float* scale = at<float>(block, at_.scale);
  int16_t* correction = at<int16_t>(block, at_.correction);
  int8_t* values = at<int8_t>(block, at_.values);
  const float rounding = 0.5f * __builtin_sqrtf(static_cast<float>(dim) / 2);
  const float room = 32767.0f / (reach > 1 ? reach : 1) - rounding - 1;
  for (int64_t r = 0; r < at_.lanes; r += 8) {
    const Extent extent = extent_of(q + r, at_.lanes, dim);
    float row_steps[8];
    int32_t sum[8][2] = {};
    for (int64_t i = 0; i < 8; i++) {
      const float part = __builtin_sqrtf(extent.half[extent.half[0][i] > extent.half[1][i] ? 0 : 1][i]);
      const float length = __builtin_sqrtf(extent.half[0][i] + extent.half[1][i]);
      rows.longest = length > rows.longest ? length : rows.longest;
      row_steps[i] = extent.largest[i] > 1e-18f ? kLimit / extent.largest[i] : 1;
      if (row_steps[i] * part > room) row_steps[i] = room / part;
      if (extent.largest[i] > 1e-18f && row_steps[i] < rows.steps) rows.steps = row_steps[i];
      scale[r + i] = 1 / (row_steps[i] * steps);
    }
    for (int64_t d = 0; d < dim; d++) {
      float x[8];
      vec_store(x, vec_mul(vec_load(q + d * at_.lanes + r), vec_load(row_steps)));
      for (int64_t i = 0; i < 8; i++) {
        const int32_t step = nearest(x[i]);  // within the limit but for what rounding adds to 63
        values[(d / 4 * at_.lanes + r + i) * 4 + d % 4] = static_cast<int8_t>(step);
        sum[i][half_of(d)] += step;
      }
    }
    for (int64_t i = 0; i < 8; i++) {
      correction[(r + i) * 2] = static_cast<int16_t>(static_cast<uint32_t>(128 * sum[i][0]));
      correction[(r + i) * 2 + 1] = static_cast<int16_t>(static_cast<uint32_t>(128 * sum[i][1]));
    }
  }
  return rows;
}

// The 16 sums of a group of kDims dimensions for eight rows; returns their least.
template <int kDims>
TARTAN_INLINE Vec sums_of(const Plane& plane, const float* q, int64_t lanes, Vec* sums) {
  constexpr int kBits = 4 / kDims;
  constexpr int kWeights = 1 << kBits;
  for (int i = 0; i < kWeights; i++) sums[i] = vec_mul(vec_load(q), vec_set(plane.weights[i]));
  int n = kWeights;
  for (int k = 1; k < kDims; k++) {
    const Vec x = vec_load(q + k * lanes);
    for (int j = kWeights - 1; j >= 0; j--) {
      const Vec more = vec_mul(x, vec_set(plane.weights[j]));
      for (int i = 0; i < n; i++) sums[j * n + i] = vec_add(sums[i], more);
    }
    n *= kWeights;
  }
  Vec low = sums[0];
  for (int i = 1; i < 16; i++) low = vec_min(sums[i], low);
  return low;
}

TARTAN_INLINE Vec group_sums(const Plane& plane, const float* q, int64_t lanes, Vec* sums) {
  if (plane.dims == 1) return sums_of<1>(plane, q, lanes, sums);
  if (plane.dims == 2) return sums_of<2>(plane, q, lanes, sums);
  return sums_of<4>(plane, q, lanes, sums);
}

struct Ranges {
  float widest;    // of a group
  float farthest;  // sum of the groups' extremes of one row, by absolute value
};

// Measures the groups, and leaves the sum of the lows of every row in `lows`.
Ranges measure(const Planes& planes, const float* q, const Layout& at_, float* lows) {
  Ranges ranges = {0, 0};
  for (int64_t r = 0; r < at_.lanes; r += 8) {
    Vec below = vec_set(0);
    Vec above = vec_set(0);
    Vec widest = vec_set(0);
    for (int64_t g = 0; g < at_.groups; g++) {
      Vec sums[16];
      const Vec low = group_sums(planes.of(g), q + planes.first(g) * at_.lanes + r, at_.lanes, sums);
      Vec high = sums[0];
      for (int i = 1; i < 16; i++) high = vec_max(sums[i], high);
      below = vec_add(below, low);
      above = vec_add(above, high);
      widest = vec_max(vec_sub(high, low), widest);
    }
    vec_store(lows + r, below);
    float a[8], b[8], w[8];
    vec_store(a, above);
    vec_store(b, below);
    vec_store(w, widest);
    for (int i = 0; i < 8; i++) {
      const float far =
          __builtin_fabsf(a[i]) > __builtin_fabsf(b[i]) ? __builtin_fabsf(a[i]) : __builtin_fabsf(b[i]);
      ranges.widest = w[i] > ranges.widest ? w[i] : ranges.widest;
      ranges.farthest = far > ranges.farthest ? far : ranges.farthest;
    }
  }
  return ranges;
}

#if defined(TARTAN_ISA_AVX2)
TARTAN_INLINE __m256i entries_of(Vec sum, Vec low, Vec inverse) {
  return _mm256_cvtps_epi32(vec_mul(vec_sub(sum, low), inverse));
}
// Joins four vectors of eight rows to the bytes of one entry.
TARTAN_INLINE void store_entry(const __m256i* x, uint8_t* out) {
  const __m256i a = _mm256_or_si256(x[0], _mm256_slli_epi32(x[2], 8));
  const __m256i b = _mm256_or_si256(x[1], _mm256_slli_epi32(x[3], 8));
  const __m256i joined = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), joined);
}
#endif

void fill_tables(const Planes& planes, const float* q, const Layout& at_, float inverse, uint8_t* tables) {
  for (int64_t r = 0; r < at_.lanes; r += kBlock) {
    uint8_t* block = tables + r * at_.groups * 16;
    for (int64_t g = 0; g < at_.groups; g++) {
      uint8_t* out = block + (g >> 1) * 1024 + (g & 1) * 32;
      Vec sums[4][16];
      Vec low[4];
      for (int v = 0; v < 4; v++) {
        low[v] = group_sums(planes.of(g), q + planes.first(g) * at_.lanes + r + v * 8, at_.lanes, sums[v]);
      }
      for (int i = 0; i < 16; i++) {
#if defined(TARTAN_ISA_AVX2)
        __m256i x[4];
        for (int v = 0; v < 4; v++) x[v] = entries_of(sums[v][i], low[v], vec_set(inverse));
        store_entry(x, out + i * 64);
#else
        for (int v = 0; v < 4; v++) {
          for (int k = 0; k < 8; k++) {
            const int row = v * 8 + k;
            const int place = row < 16 ? row * 2 : (row - 16) * 2 + 1;
            out[i * 64 + place] = static_cast<uint8_t>(nearest((sums[v][i][k] - low[v][k]) * inverse));
          }
        }
#endif
      }
    }
  }
}

// The greatest factor that is represented: beyond it a token would have to lie farther from its centroid than
// any unit vector does.
float factor_limit(const tartan_codec* codec) {
  double squares = 0;
  const int n = 1 << codec->nbits;
  for (int i = 0; i < n; i++) squares += static_cast<double>(codec->weights[i]) * codec->weights[i];
  return squares > 0 ? static_cast<float>(2 / __builtin_sqrt(squares / n * codec->dim)) : 1.0f;
}

// Chooses step, shift and unit.
void choose_units(const tartan_codec* codec, const Ranges& ranges, const Layout& at_, float least,
                  int32_t limit, Head* head) {
  float step = ranges.widest / static_cast<float>(limit);
  const float far = ranges.farthest / 32000.0f;
  step = far > step ? far : step;
  step = step > 1e-12f ? step : 1;
  if (codec->form == TARTAN_UNIT && step < least) step = least;
  float most = ranges.farthest / step + static_cast<float>(at_.groups) / 2 + 1;
  if (codec->form == TARTAN_UNIT) most += 32767.0f * least / step;  // both parts add before they are scaled
  int32_t shift = 0;
  while (shift < 8 && most * static_cast<float>(2 << shift) <= 32767.0f) shift++;
  if (codec->form == TARTAN_UNIT) {
    while (shift > 0 && step / static_cast<float>(1 << shift) < least) shift--;
    head->unit = step / static_cast<float>(1 << shift) * 2;  // the multiplication by 1 / norm halves
    head->multiplier = 16384.0f;
  } else {
    const float whole = step * static_cast<float>(1 << (15 - shift));
    const float finest = factor_limit(codec) * whole / 32767.0f;
    head->unit = finest > least ? finest : least;
    head->multiplier = whole / head->unit;
  }
  head->shift = shift;
  head->step = step;
}

// Eight standard deviations of the integer error of one row and token, in steps: the roundings of table
// entries, of the values of query and centroid, and of weights that share a table entry are independent of
// each other.
int32_t margin_of(const tartan_codec* codec, const Planes& planes, const Head* head, float longest,
                  float steps, float row_steps) {
  float apart = 0;
  for (int32_t i = 0; codec->nbits == 8 && i < 256; i++) {
    const float x = __builtin_fabsf(codec->weights[i] - planes.plane[0].weights[i >> 4]);
    apart = x > apart ? x : apart;
  }
  for (int32_t i = 0; codec->nbits == 3 && i < 8; i++) {
    const float whole = planes.plane[0].weights[i >> 1] + planes.plane[1].weights[i & 1];
    const float x = __builtin_fabsf(codec->weights[i] - whole);
    apart = x > apart ? x : apart;
  }
  const float factor = codec->form == TARTAN_SCALED ? 0.5f * factor_limit(codec) : 1;
  const float entries = static_cast<float>(head->groups) * head->step * head->step * factor * factor;
  const float values = longest * longest / (steps * steps) + 1 / (row_steps * row_steps);
  const float weights = 4 * longest * longest * apart * apart * factor * factor;
  const float deviation = __builtin_sqrtf((entries + values + weights) / 12);
  return nearest(__builtin_fminf(8 * deviation / head->unit + 2, 32767.0f));
}

}  // namespace

int64_t integer_query_bytes(int64_t rows, int64_t dim, int64_t nbits) {
  return Layout(rows, dim, nbits).bytes;
}

int32_t quantise_query(const tartan_query* query, const tartan_grid* grid, const tartan_codec* codec,
                       void* block) {
  const int32_t nbits = codec ? codec->nbits : 0;
  const Layout at_(query->rows, query->dim, nbits);
  const Scratch scratch(static_cast<size_t>(at_.lanes * (query->dim + 1)) * sizeof(float));
  if (!scratch.data) return TARTAN_NO_MEMORY;
  float* q = scratch.floats();
  transpose(query, at_.lanes, q);
  memset(block, 0, static_cast<size_t>(at_.tables));
  Head* head = static_cast<Head*>(block);
  head->rows = query->rows;
  head->dim = query->dim;
  head->nbits = nbits;
  head->lanes = static_cast<int32_t>(at_.lanes);
  head->groups = static_cast<int32_t>(at_.groups);
  const Rows rows = quantise_rows(q, at_, query->dim, grid->reach, grid->steps, block);
  const float least = (rows.longest > 0 ? rows.longest : 1) * kSlack / 32767.0f;
  head->unit = least;
  if (codec) {
    const Planes planes(codec);
    const int32_t fits = static_cast<int32_t>(32767 / at_.groups);
    const int32_t limit = fits < kLimit ? fits : kLimit;
    float* lows = q + at_.lanes * query->dim;
    const Ranges ranges = measure(planes, q, at_, lows);
    choose_units(codec, ranges, at_, least, limit, head);
    const float inverse = 1 / head->step;
    int16_t* bias = at<int16_t>(block, at_.bias);
    for (int64_t r = 0; r < at_.lanes; r++)
      bias[r] = static_cast<int16_t>(saturate(nearest(-lows[r] * inverse)));
    fill_tables(planes, q, at_, inverse, at<uint8_t>(block, at_.tables));
    head->margin = margin_of(codec, planes, head, rows.longest, grid->steps, rows.steps);
  }
  // UNIT: the centroid part is added before the multiplication that doubles the unit.
  head->score_unit = codec && codec->form == TARTAN_UNIT ? head->unit / 2 : head->unit;
  float* scale = at<float>(block, at_.scale);
  for (int64_t r = 0; r < at_.lanes; r++) scale[r] = scale[r] / head->score_unit;
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
