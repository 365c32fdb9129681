// Turns a query into the block of integer.h.
//
// Values: round(steps * q), per row, with steps = min(63 / max |q|, (32767 / reach - rounding) / longest
// half): by Cauchy and Schwarz no 16-bit half of a dot product with a quantised centroid overflows. What
// meets the residuals is made by quantise_tables.h at 1 and 2 bits, by quantise_dots.h at 3, 4 and 8.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): see docs/kernels.md.
#include "quantise_dots.h"
#include "quantise_tables.h"

namespace tartan::TARTAN_ISA {
namespace {

constexpr float kSlack = 1.1f;  // of a score beyond the length of its query row: rounding, centroids' lengths

// The query transposed to [dim, lanes], zeros in the lanes beyond and for what is not finite.
void transpose(const tartan_query* query, int64_t lanes, float* out) {
  memset(out, 0, static_cast<size_t>(lanes * query->dim) * sizeof(float));
  for (int64_t r = 0; r < query->rows; r++) {
    const float* row = query->values + r * query->dim;
    for (int64_t d = 0; d < query->dim; d++) out[d * lanes + r] = cleaned(row[d]);
  }
}

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

// Eight standard deviations of the integer error of one row and token, in steps of the unit: the roundings of
// what stands for the weights (`residual`, a variance times twelve) and of the values of query and centroid
// are independent of each other.
int32_t margin_of(const tartan_codec* codec, const Head* head, float residual, const Rows& rows,
                  float steps) {
  const float factor = codec->form == TARTAN_SCALED ? 0.5f * factor_limit(codec) : 1;
  const float values = rows.longest * rows.longest / (steps * steps) + 1 / (rows.steps * rows.steps);
  const float deviation = __builtin_sqrtf((residual * factor * factor + values) / 12);
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
  memset(block, 0, static_cast<size_t>(at_.bias));
  Head* head = static_cast<Head*>(block);
  head->rows = query->rows;
  head->dim = query->dim;
  head->nbits = nbits;
  head->lanes = static_cast<int32_t>(at_.lanes);
  head->groups = static_cast<int32_t>(at_.groups);
  const Rows rows = quantise_rows(q, at_, query->dim, grid->reach, grid->steps, block);
  const float least = (rows.longest > 0 ? rows.longest : 1) * kSlack / 32767.0f;
  head->unit = least;
  if (codec && by_dots(nbits)) {
    const float residual = quantise_dots(codec, q, at_, rows.longest, least, block);
    head->margin = margin_of(codec, head, residual, rows, grid->steps);
  } else if (codec) {
    quantise_tables(codec, q, at_, least, q + at_.lanes * query->dim, block);
    const float residual = static_cast<float>(head->groups) * head->step * head->step;
    head->margin = margin_of(codec, head, residual, rows, grid->steps);
  }
  // UNIT: the centroid part is added before the multiplication that doubles the unit.
  head->score_unit = codec && codec->form == TARTAN_UNIT ? head->unit / 2 : head->unit;
  float* scale = at<float>(block, at_.scale);
  for (int64_t r = 0; r < at_.lanes; r++) scale[r] = scale[r] / head->score_unit;
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
