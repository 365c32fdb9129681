// Residual bytes to weights, and the norm of a reconstructed token.
//
// AVX2: eight dimensions are nbits bytes, which are broadcast, shifted by a different count in each lane, and
// looked up in a register (1 and 2 bits: one in-lane permute; 3 bits: one permute; 4 bits: two and a blend; 8
// bits: eight loads). A permute reads only the low bits of an index, so nothing is masked.
// Portable: a byte holds 8 / nbits dimensions and indexes a table of 256 rows of 8 / nbits weights; 3 bits
// are looked up one by one.
#ifndef TARTAN_RESIDUAL_H
#define TARTAN_RESIDUAL_H

#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

// Read in place of the weights; built once a call.
struct WeightTable {
#if defined(TARTAN_ISA_AVX2)
  explicit WeightTable(const tartan_codec* codec) : weights(codec->weights) {
    const int last = (1 << codec->nbits) - 1;
    for (int i = 0; i < 16; i++) repeated[i] = weights[i & last];
  }
  float repeated[16];
  const float* weights;
#else
  explicit WeightTable(const tartan_codec* codec) {
    if (codec->nbits == 3) {
      memcpy(rows, codec->weights, 8 * sizeof(float));
      return;
    }
    const int per_byte = 8 / codec->nbits;
    const int last = (1 << codec->nbits) - 1;
    for (int byte = 0; byte < 256; byte++) {
      for (int i = 0; i < per_byte; i++) {
        rows[byte * per_byte + i] = codec->weights[(byte >> (i * codec->nbits)) & last];
      }
    }
  }
  float rows[256 * 8];
#endif
};

// The weights of eight dimensions, whose kBits bytes start at p.
#if defined(TARTAN_ISA_AVX2)
template <int kBits>
TARTAN_INLINE Vec weights_of(const uint8_t* p, const WeightTable& table) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  if (kBits == 8) {
    const float* w =
        table.weights;  // eight loads and the shuffles to join them: a gather takes twice as long
    return _mm256_setr_ps(w[p[0]], w[p[1]], w[p[2]], w[p[3]], w[p[4]], w[p[5]], w[p[6]], w[p[7]]);
  }
  __m256i bytes;
  if (kBits == 1) {
    bytes = _mm256_set1_epi8(static_cast<char>(*p));
  } else if (kBits == 2) {
    int16_t word;
    memcpy(&word, p, sizeof word);
    bytes = _mm256_set1_epi16(word);
  } else if (kBits == 3) {
    bytes =
        _mm256_set1_epi32(p[0] | p[1] << 8 | p[2] << 16);  // three bytes copied to a word would wait for it
  } else {
    int32_t word;
    memcpy(&word, p, sizeof word);
    bytes = _mm256_set1_epi32(word);
  }
  const __m256i index = _mm256_srlv_epi32(bytes, _mm256_mullo_epi32(lane, _mm256_set1_epi32(kBits)));
  const Vec low = vec_load(table.repeated);
  if (kBits < 3) return _mm256_permutevar_ps(low, index);
  if (kBits == 3) return _mm256_permutevar8x32_ps(low, index);
  const Vec high = vec_load(table.repeated + 8);
  return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index),
                          _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
}
#else
template <int kBits>
TARTAN_INLINE Vec weights_of(const uint8_t* p, const WeightTable& table) {
  Vec x;
  if (kBits == 3) {
    uint32_t word = 0;
    memcpy(&word, p, 3);
    for (int i = 0; i < 8; i++) x[i] = table.rows[word >> (3 * i) & 7];
    return x;
  }
  constexpr int kPerByte = 8 / kBits;
  for (int k = 0; k < kBits; k++) {
    memcpy(reinterpret_cast<float*>(&x) + k * kPerByte, table.rows + p[k] * kPerByte,
           kPerByte * sizeof(float));
  }
  return x;
}
#endif

// Expands a token into `out`: its weights, or centroid + weights if kSum.
// Returns |centroid + weights|^2, summed in four chains because one would wait for its additions.
template <int kBits, bool kSum>
TARTAN_INLINE float expand_unit(const uint8_t* residual, const float* centroid, int64_t dim,
                                const WeightTable& table, float* out) {
  Vec sum[4] = {vec_set(0), vec_set(0), vec_set(0), vec_set(0)};
  int64_t d = 0;
  for (; d + 32 <= dim; d += 32) {
    for (int k = 0; k < 4; k++) {
      const Vec w = weights_of<kBits>(residual + k * kBits, table);
      const Vec x = vec_add(w, vec_load(centroid + d + k * 8));
      vec_store(out + d + k * 8, kSum ? x : w);
      sum[k] = vec_muladd(x, x, sum[k]);
    }
    residual += 4 * kBits;
  }
  for (; d < dim; d += 8) {
    const Vec w = weights_of<kBits>(residual, table);
    const Vec x = vec_add(w, vec_load(centroid + d));
    vec_store(out + d, kSum ? x : w);
    sum[0] = vec_muladd(x, x, sum[0]);
    residual += kBits;
  }
  return vec_sum(vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3])));
}

// Expands a token into `out`: its weights, or centroid + factor * weights if kSum.
template <int kBits, bool kSum>
TARTAN_INLINE void expand_scaled(const uint8_t* residual, const float* centroid, float factor, int64_t dim,
                                 const WeightTable& table, float* out) {
  for (int64_t d = 0; d < dim; d += 8) {
    const Vec w = weights_of<kBits>(residual, table);
    vec_store(out + d, kSum ? vec_muladd(vec_set(factor), w, vec_load(centroid + d)) : w);
    residual += kBits;
  }
}

// Turns eight squared norms into 1 / max(1e-12, norm).
TARTAN_INLINE Vec vec_inverse_norm(Vec squared) {
  return vec_div(vec_set(1), vec_max(vec_sqrt(squared), vec_set(1e-12f)));
}

// Token t in float32, as tartan_decompress defines it.
template <int kBits>
TARTAN_INLINE void reconstruct(const tartan_codec* codec, const tartan_passages* tokens, int64_t t,
                               const WeightTable& table, float* row) {
  const int64_t dim = codec->dim;
  const uint8_t* residual = tokens->residuals + t * (dim * kBits / 8);
  const float* centroid = codec->centroid + code_at(tokens, t) * dim;
  if (codec->form == TARTAN_SCALED) {
    expand_scaled<kBits, true>(residual, centroid, half_to_float(tokens->factors[t]), dim, table, row);
    return;
  }
  const Vec inverse =
      vec_inverse_norm(vec_set(expand_unit<kBits, true>(residual, centroid, dim, table, row)));
  for (int64_t d = 0; d < dim; d += 8) vec_store(row + d, vec_mul(vec_load(row + d), inverse));
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
