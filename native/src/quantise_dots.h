// The rows and weights of a query for dot products, for codes of 3, 4 and 8 bits.
//
// rows = round(steps * q) with the greatest steps, one for all rows, at which no magnitude exceeds 127 and
// those of half a row (integer.h) add up to 511 at most. weights = round(other steps * w), where w at 8 bits
// is the mean of the four weights that share the high six bits, with the greatest steps at which no magnitude
// exceeds 63 and half the product of a step of both is no finer than what the sum of both parts of a
// similarity can hold.
#ifndef TARTAN_QUANTISE_DOTS_H
#define TARTAN_QUANTISE_DOTS_H

#include "quantise.h"

namespace tartan::TARTAN_ISA {
namespace {

struct DotWeights {
  explicit DotWeights(const tartan_codec* codec) : mask(codec->nbits == 8 ? 63 : (1 << codec->nbits) - 1) {
    const float* w = codec->weights;
    const int shared = codec->nbits == 8 ? 4 : 1;
    float largest = 0;
    for (int i = 0; i <= mask; i++) {
      float sum = 0;
      for (int k = 0; k < shared; k++) sum += cleaned(w[i * shared + k]);
      value[i] = shared == 4 ? sum * 0.25f : sum;
      largest = __builtin_fabsf(value[i]) > largest ? __builtin_fabsf(value[i]) : largest;
      for (int k = 0; k < shared; k++) {
        const float off = __builtin_fabsf(cleaned(w[i * shared + k]) - value[i]);
        apart = off > apart ? off : apart;
      }
    }
    steps = largest > 1e-18f ? kWeightLimit / largest : 1;
  }
  int mask;
  float steps;
  float apart = 0;  // of a weight from the mean that stands for it
  float value[64];
};

// The greatest value, and the greatest sum of magnitudes of half a row.
struct Magnitudes {
  float largest;
  float half;
};

// Of the rows times `steps`, rounded if kRound.
template <bool kRound>
Magnitudes magnitudes_of(const float* q, int64_t lanes, int64_t dim, float steps) {
  Vec largest = vec_set(0);
  Vec most = vec_set(0);
  for (int64_t r = 0; r < lanes; r += 8) {
    Vec half[2] = {vec_set(0), vec_set(0)};
    for (int64_t d = 0; d < dim; d++) {
      Vec x = vec_abs(vec_mul(vec_load(q + d * lanes + r), vec_set(steps)));
      if (kRound) x = vec_rint(x);
      largest = vec_max(x, largest);
      half[half_of(d)] = vec_add(half[half_of(d)], x);
    }
    most = vec_max(half[0], vec_max(half[1], most));
  }
  float a[8], b[8];
  vec_store(a, largest);
  vec_store(b, most);
  for (int i = 1; i < 8; i++) {
    a[0] = a[i] > a[0] ? a[i] : a[0];
    b[0] = b[i] > b[0] ? b[i] : b[0];
  }
  return {a[0], b[0]};
}

// The steps of the rows.
float dot_steps(const float* q, int64_t lanes, int64_t dim) {
  const Magnitudes real = magnitudes_of<false>(q, lanes, dim, 1);
  float steps = real.largest > 1e-18f ? 127 / real.largest : 1;
  if (steps * real.half > kHalfLimit) steps = kHalfLimit / real.half;
  for (;;) {
    const float half = magnitudes_of<true>(q, lanes, dim, steps).half;
    if (half <= kHalfLimit) return steps;
    steps = steps * (kHalfLimit / (half + 1));
  }
}

void fill_rows(const float* q, const Layout& at_, int64_t dim, float steps, void* block) {
  int16_t* start = at<int16_t>(block, at_.start);
  int8_t* rows = at<int8_t>(block, at_.rows_of_dots);
  for (int64_t r = 0; r < at_.lanes; r += 8) {
    int32_t sum[8][2] = {};
    int64_t place[8];
    for (int64_t i = 0; i < 8; i++) place[i] = r / kBlock * kBlock + place_of((r + i) % kBlock);
    for (int64_t d = 0; d < dim; d++) {
      float x[8];
      vec_store(x, vec_rint(vec_mul(vec_load(q + d * at_.lanes + r), vec_set(steps))));
      for (int64_t i = 0; i < 8; i++) {
        const int32_t step = static_cast<int32_t>(x[i]);
        rows[(d / 4 * at_.lanes + place[i]) * 4 + d % 4] = static_cast<int8_t>(step);
        sum[i][half_of(d)] += step;
      }
    }
    for (int64_t i = 0; i < 8; i++) {
      for (int h = 0; h < 2; h++) start[place[i] * 2 + h] = static_cast<int16_t>(-kWeightOffset * sum[i][h]);
    }
  }
}

// The variance, times twelve, of the error that rows, weights and the halving add to a similarity.
float dot_variance(const tartan_codec* codec, const DotWeights& weights, const Head* head, float longest,
                   float steps) {
  float squares = 0;
  for (int i = 0; i <= weights.mask; i++) squares += weights.value[i] * weights.value[i];
  const float length = squares / static_cast<float>(weights.mask + 1) * static_cast<float>(codec->dim);
  const float off = 1 / (weights.steps * weights.steps) + 4 * weights.apart * weights.apart;
  return length / (steps * steps) + longest * longest * off + head->step * head->step;
}

// Fills weights and rows and chooses the units; returns dot_variance.
float quantise_dots(const tartan_codec* codec, const float* q, const Layout& at_, float longest, float least,
                    void* block) {
  Head* head = static_cast<Head*>(block);
  DotWeights weights(codec);
  const bool unit_form = codec->form == TARTAN_UNIT;
  const float multiplier = unit_form ? 16384.0f : 32767.0f / factor_limit(codec);
  // What a step of the halved sum must stand for: UNIT leaves room for both parts before they are scaled.
  const float finest = unit_form ? 2 * least : least * multiplier * (1.0f / 32768);
  const float steps = dot_steps(q, at_.lanes, codec->dim);
  const float most = 2 / (steps * finest);
  if (weights.steps > most) weights.steps = most;
  fill_rows(q, at_, codec->dim, steps, block);
  uint8_t* bytes = at<uint8_t>(block, at_.weights);
  for (int i = 0; i < 64; i++) {
    bytes[i] = static_cast<uint8_t>(kWeightOffset + nearest(weights.value[i & weights.mask] * weights.steps));
  }
  head->step = 2 / (steps * weights.steps);
  head->shift = 0;
  head->multiplier = multiplier;
  head->unit = unit_form ? head->step * 2 : head->step * (32768.0f / multiplier);
  return dot_variance(codec, weights, head, longest, steps);
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
