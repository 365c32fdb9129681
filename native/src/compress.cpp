// b(i, d) = number of cutoffs strictly below (rows[i, d] - centroid[codes[i], d]) / s(i), packed nbits each,
// lowest first, and the factor of each token.
//
// Shapes: rows [n, dim], residuals [n, dim * nbits / 8], factors [n]. Lanes are dimensions, eight a step.
// AVX2: 1 and 2 bits compare with every cutoff; 3 and 4 bits search by halves, the cutoffs of a step in one
// register that a permute looks up; 8 bits start from a grid of equal cells that knows the cutoffs of all
// cells before, and walk from there, a step or two. In the scaled form of 2 to 4 bits a row is bucketed three
// times, each at a better scale, with residual and weights in registers and the L1 cache. Eight bucket
// numbers are packed as the bytes of one word. dim * 8 bytes a row read.
//
// Measured: see docs/kernels.md.
#include "residual.h"

namespace tartan::TARTAN_ISA {
namespace {

// One bit is the sign, whatever the scale; eight have little to gain.
constexpr int refinements(int bits) { return bits > 1 && bits < 8 ? 2 : 0; }

#if defined(TARTAN_ISA_AVX2)

using Buckets = __m256i;  // eight bucket numbers

// Finds bucket numbers; built once a call.
template <int kBits>
struct Finder {
  explicit Finder(const tartan_codec* codec) : weights(codec->weights) {
    const int last = (1 << kBits) - 1;
    for (int i = 0; i < last; i++) cutoffs[i] = codec->cutoffs[i];
    for (int i = 0; i < 16; i++) repeated[i] = weights[i & last];
    for (int level = 0; level < kBits; level++) {
      for (int i = 0; i < 8; i++) {
        pivots[level][i] = cutoffs[(2 * (i & ((1 << level) - 1)) + 1) * (1 << (kBits - 1 - level)) - 1];
      }
    }
  }
  TARTAN_INLINE Buckets find(Vec x) const {
    __m256i at = _mm256_setzero_si256();
    if (kBits <= 2) {
      for (int k = 0; k < (1 << kBits) - 1; k++)
        at = _mm256_sub_epi32(at, hits(x, vec_broadcast(cutoffs + k)));
      return at;
    }
    for (int level = 0; level < kBits; level++) {
      const Vec pivot = vec_load(pivots[level]);
      const Vec its = level == 0  ? pivot
                      : level < 3 ? _mm256_permutevar_ps(pivot, at)
                                  : _mm256_permutevar8x32_ps(pivot, at);
      at = _mm256_sub_epi32(_mm256_add_epi32(at, at), hits(x, its));
    }
    return at;
  }
  TARTAN_INLINE Vec weights_at(Buckets b) const {
    const Vec low = vec_load(repeated);
    if (kBits <= 2) return _mm256_permutevar_ps(low, b);
    if (kBits == 3) return _mm256_permutevar8x32_ps(low, b);
    const Vec high = vec_load(repeated + 8);
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, b), _mm256_permutevar8x32_ps(high, b),
                            _mm256_castsi256_ps(_mm256_slli_epi32(b, 28)));
  }
  static TARTAN_INLINE __m256i hits(Vec x, Vec cutoff) {
    return _mm256_castps_si256(_mm256_cmp_ps(x, cutoff, _CMP_GT_OQ));
  }
  float pivots[kBits][8];
  float cutoffs[16];
  float repeated[16];
  const float* weights;
};

// A cell holds the number of cutoffs in the cells before it. The cell of a value never falls as the value
// grows, so that those lie below it, and no cutoff of a later cell does.
template <>
struct Finder<8> {
  static constexpr int kCells = 2048;
  explicit Finder(const tartan_codec* codec) : weights(codec->weights) {
    memcpy(cutoffs, codec->cutoffs, 255 * sizeof(float));
    cutoffs[255] = kInfinity;
    const float range = cutoffs[254] - cutoffs[0];
    low = cutoffs[0];
    scale = range > 0 ? (kCells - 1) / range : 0;
    int count = 0;
    for (int cell = 0; cell < kCells; cell++) {
      while (count < 255 && cell_of(cutoffs[count]) < cell) count++;
      before[cell] = count;
    }
  }
  int cell_of(float x) const { return _mm256_cvtsi256_si32(cells_of(vec_set(x))); }
  TARTAN_INLINE __m256i cells_of(Vec x) const {
    const Vec at = vec_mul(vec_sub(x, vec_set(low)), vec_set(scale));
    return _mm256_cvttps_epi32(vec_min(vec_max(at, vec_set(0)), vec_set(kCells - 1)));  // NaN: the first
  }
  TARTAN_INLINE Buckets find(Vec x) const {
    __m256i at = _mm256_i32gather_epi32(before, cells_of(x), 4);
    __m256i below;
    do {
      const Vec cutoff = _mm256_i32gather_ps(cutoffs, at, 4);
      below = _mm256_castps_si256(_mm256_cmp_ps(x, cutoff, _CMP_GT_OQ));
      at = _mm256_sub_epi32(at, below);
    } while (!_mm256_testz_si256(below, below));
    return at;
  }
  TARTAN_INLINE Vec weights_at(Buckets b) const { return _mm256_i32gather_ps(weights, b, 4); }
  float cutoffs[256];
  int before[kCells];
  float low, scale;
  const float* weights;
};

TARTAN_INLINE uint64_t bytes_of(Buckets b) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(words, words)));
}

#else

using Buckets = VecMask;

template <int kBits>
struct Finder {
  explicit Finder(const tartan_codec* codec) : cutoffs(codec->cutoffs), weights(codec->weights) {}
  TARTAN_INLINE Buckets find(Vec x) const {
    Buckets at = {0, 0, 0, 0, 0, 0, 0, 0};
    if (kBits < 8) {
      for (int k = 0; k < (1 << kBits) - 1; k++) at -= x > vec_set(cutoffs[k]);
      return at;
    }
    for (int step = 128; step; step >>= 1) {
      // A product, not a choice: a branch here would be mispredicted half the time.
      for (int i = 0; i < 8; i++) at[i] += step * static_cast<int>(cutoffs[at[i] + step - 1] < x[i]);
    }
    return at;
  }
  TARTAN_INLINE Vec weights_at(Buckets b) const {
    Vec w;
    for (int i = 0; i < 8; i++) w[i] = weights[b[i]];
    return w;
  }
  const float* cutoffs;
  const float* weights;
};

TARTAN_INLINE uint64_t bytes_of(Buckets b) {
  uint64_t bytes = 0;
  for (int i = 0; i < 8; i++) bytes |= static_cast<uint64_t>(b[i]) << (8 * i);
  return bytes;
}

#endif

// Closes the gaps between eight numbers of kBits bits in the bytes of a word.
template <int kBits>
TARTAN_INLINE uint64_t pack_bits(uint64_t x) {
  if (kBits == 1) return (x * 0x0102040810204080u) >> 56;
  constexpr int kGap = 8 - kBits;
  constexpr uint64_t kOne = (uint64_t{1} << 8) - 1;
  constexpr uint64_t kPair = (kOne >> kGap) << kBits | kOne >> kGap;
  constexpr uint64_t kFour = kPair << 2 * kBits | kPair;
  x = (x | x >> kGap) & (kPair * 0x0001000100010001u);
  x = (x | x >> 2 * kGap) & (kFour * 0x0000000100000001u);
  return x | x >> 4 * kGap;
}

template <int kBits>
TARTAN_INLINE void store_packed(Buckets b, uint8_t* out) {
  const uint64_t packed = pack_bits<kBits>(bytes_of(b));
  memcpy(out, &packed, kBits);
}

TARTAN_INLINE Vec vec_accumulate(Vec sum, Vec a, Vec b) { return vec_add(sum, vec_mul(a, b)); }

// Packs the bucket numbers of a residual in the unit form; returns 1 / |centroid + weights|.
template <int kBits>
TARTAN_INLINE float compress_unit(const float* residual, const float* centroid, const Finder<kBits>& finder,
                                  int64_t dim, uint8_t* packed) {
  Vec squares = vec_set(0);
  for (int64_t d = 0; d < dim; d += 8) {
    const Buckets b = finder.find(vec_load(residual + d));
    store_packed<kBits>(b, packed + d / 8 * kBits);
    const Vec x = vec_add(finder.weights_at(b), vec_load(centroid + d));
    squares = vec_accumulate(squares, x, x);
  }
  const float norm = __builtin_sqrtf(vec_sum(squares));
  return 1 / (norm > 1e-12f ? norm : 1e-12f);
}

struct Fit {
  float products;  // residual.weights
  float squares;   // weights.weights
};

// Buckets residual * inverse, and packs them if asked to.
template <int kBits, bool kPack>
TARTAN_INLINE Fit fit_scaled(const float* residual, float inverse, const Finder<kBits>& finder, int64_t dim,
                             uint8_t* packed) {
  Vec products = vec_set(0);
  Vec squares = vec_set(0);
  for (int64_t d = 0; d < dim; d += 8) {
    const Vec x = vec_load(residual + d);
    const Buckets b = finder.find(vec_mul(x, vec_set(inverse)));
    if (kPack) store_packed<kBits>(b, packed + d / 8 * kBits);
    const Vec w = finder.weights_at(b);
    products = vec_accumulate(products, x, w);
    squares = vec_accumulate(squares, w, w);
  }
  return {vec_sum(products), vec_sum(squares)};
}

// `squares` is |residual|^2. A refinement goes twice as far as the factor of least squared error, which by
// itself comes near its end in many small steps.
template <int kBits>
TARTAN_INLINE float compress_scaled(const float* residual, float squares, const Finder<kBits>& finder,
                                    int64_t dim, uint8_t* packed) {
  float inverse = squares > 0 ? __builtin_sqrtf(static_cast<float>(dim) / squares) : 0;
  for (int i = 0; i < refinements(kBits); i++) {
    const Fit fit = fit_scaled<kBits, false>(residual, inverse, finder, dim, packed);
    const float factor = fit.squares > 0 ? fit.products / fit.squares : 0;
    const float twice = 2 * factor * inverse - 1;
    if (twice > 0) inverse = inverse / twice;
  }
  const Fit fit = fit_scaled<kBits, true>(residual, inverse, finder, dim, packed);
  return fit.squares > 0 ? __builtin_sqrtf(squares / fit.squares) : 0;
}

// Writes row - centroid; returns |row - centroid|^2.
float subtract(const float* row, const float* centroid, int64_t dim, float* residual) {
  Vec squares = vec_set(0);
  for (int64_t d = 0; d < dim; d += 8) {
    const Vec x = vec_sub(vec_load(row + d), vec_load(centroid + d));
    vec_store(residual + d, x);
    squares = vec_accumulate(squares, x, x);
  }
  return vec_sum(squares);
}

template <int kBits>
int32_t compress_rows(const tartan_codec* codec, const float* rows, int64_t n, const int32_t* codes,
                      uint8_t* residuals, uint16_t* factors) {
  const int64_t dim = codec->dim;
  const Finder<kBits> finder(codec);
  float residual[1024];
  for (int64_t i = 0; i < n; i++) {
    if (!within(codes[i], codec->centroids)) return TARTAN_BAD_CODE;
    const float* centroid = codec->centroid + codes[i] * dim;
    uint8_t* packed = residuals + i * (dim * kBits / 8);
    const float squares = subtract(rows + i * dim, centroid, dim, residual);
    const float factor = codec->form == TARTAN_UNIT
                             ? compress_unit<kBits>(residual, centroid, finder, dim, packed)
                             : compress_scaled<kBits>(residual, squares, finder, dim, packed);
    if (factors) factors[i] = float_to_half(factor);
  }
  return TARTAN_OK;
}

}  // namespace

int32_t compress(const tartan_codec* codec, const float* rows, int64_t n, const int32_t* codes,
                 uint8_t* residuals, uint16_t* factors) {
  if (n == 0) return TARTAN_OK;
  switch (codec->nbits) {
    case 1:
      return compress_rows<1>(codec, rows, n, codes, residuals, factors);
    case 2:
      return compress_rows<2>(codec, rows, n, codes, residuals, factors);
    case 3:
      return compress_rows<3>(codec, rows, n, codes, residuals, factors);
    case 4:
      return compress_rows<4>(codec, rows, n, codes, residuals, factors);
    default:
      return compress_rows<8>(codec, rows, n, codes, residuals, factors);
  }
}

}  // namespace tartan::TARTAN_ISA
