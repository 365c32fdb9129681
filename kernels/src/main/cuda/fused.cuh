// Fused MaxSim over compressed passages: packed residuals become float16 fragments in registers and are multiplied there
// (fragments.cuh); nothing that is decompressed reaches memory.
//
//   maxsim:   sim(r, t) = a(t) * scores[code[t], r] + f(t) * dot(values[r], weights[b(t)])
//   rescore:  sim(r, t) = dot(values[r], centroid[code[t]] + f(t) * weights[b(t)])      SCALED
//             sim(r, t) = f(t) * dot(values[r], centroid[code[t]] + weights[b(t)])      UNIT
// with f the stored factor, and a = 1 (SCALED) or f (UNIT). UNIT without factors: f = 1 / |centroid + weights|, computed.
//
// Where dim is a multiple of 32, a thread reads its 32 bucket numbers of a token as kBits words. Bytes a token: dim * nbits / 8 + 4
// or 6, each once for every 32 query rows; from L2 besides, the scores of its centroid (4 a row) or the centroid (dim * 4).
#ifndef TARTAN_FUSED_CUH
#define TARTAN_FUSED_CUH

#include "fragments.cuh"
#include "weights.cuh"

TARTAN_DEVICE uint32_t multiply_add_halves(uint32_t a, uint32_t b, uint32_t c) {
#if defined(TARTAN_EMULATED)
  const float low = fmaf(half_to_float(a & 0xffff), half_to_float(b & 0xffff), half_to_float(c & 0xffff));
  const float high = fmaf(half_to_float(a >> 16), half_to_float(b >> 16), half_to_float(c >> 16));
  return halves_of(low, high);
#else
  uint32_t d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
#endif
}

// 32 bucket numbers of a token, or those that there are.
template <int kBits>
struct Codes {
  uint32_t word[kBits];

  // From byte `at` on, aligned to four bytes times the greatest power of two in kBits.
  TARTAN_METHOD void load(View<const uint8_t> residuals, int64_t at) {
    if constexpr (kBits == 1 || kBits == 3) {
      TARTAN_UNROLL
      for (int k = 0; k < kBits; k++) word[k] = load_as<uint32_t>(residuals, at + 4 * k);
    } else if constexpr (kBits == 2) {
      const uint2 x = load_as<uint2>(residuals, at);
      word[0] = x.x, word[1] = x.y;
    } else {
      TARTAN_UNROLL
      for (int k = 0; k < kBits; k += 4) {
        const uint4 x = load_as<uint4>(residuals, at + 4 * k);
        word[k] = x.x, word[k + 1] = x.y, word[k + 2] = x.z, word[k + 3] = x.w;
      }
    }
  }

  // From bit `bit` on of a row of `bytes` that starts at byte `row`, byte by byte; zeros beyond its end.
  TARTAN_METHOD void gather(View<const uint8_t> residuals, int64_t row, int bit, int bytes) {
    TARTAN_UNROLL
    for (int k = 0; k < kBits; k++) {
      uint64_t some = 0;
      for (int b = 0; b < 5; b++) {
        const int at = bit / 8 + 4 * k + b;
        if (at < bytes) some |= static_cast<uint64_t>(residuals[row + at]) << 8 * b;
      }
      word[k] = static_cast<uint32_t>(some >> bit % 8);
    }
  }

  // The four bucket numbers of step s, which the compiler knows.
  TARTAN_METHOD uint32_t four(int s) const {
    const int at = s * 4 * kBits;
    uint32_t x = word[at / 32] >> at % 32;
    if (at % 32 + 4 * kBits > 32) x |= word[(at / 32 + 1) % kBits] << (32 - at % 32);
    return x;
  }
};

template <int kBits, bool kCentroids>
struct FusedScorer {
  static constexpr bool kPacked = true;
  static constexpr uint16_t kOne = 0x3c00;
  const MaxSimArguments& arguments;
  View<uint2> fragments;
  Weights<kBits> weights;

  struct Token {
    int64_t number;
    int32_t code;
    uint16_t factor;  // float16
    float squares;    // of what a thread has seen of the token, if no factor is stored
    Codes<kBits> codes;
  };

  // The fragments of two tokens.
  struct Tile {
    const FusedScorer& scorer;
    const Token* tokens;
    Part<true> part;

    TARTAN_METHOD void operator()(int step, uint32_t (&a)[4]) const {
      TARTAN_UNROLL
      for (int k = 0; k < 2; k++) {
        const uint32_t four = tokens[k].codes.four(step);
        const uint32_t low = scorer.weights.pair(four);
        const uint32_t high = scorer.weights.pair(four >> 2 * kBits);
        if constexpr (kCentroids) {
          scorer.reconstruct(tokens[k], part.at(step), low, high, a[k], a[k + 2]);
        } else {
          a[k] = low, a[k + 2] = high;
        }
      }
    }
  };

  // Four dimensions of a token from d on, of their weights.
  TARTAN_METHOD void reconstruct(const Token& token, int d, uint32_t low, uint32_t high, uint32_t& a,
                                 uint32_t& b) const {
    const Codec& codec = arguments.codec;
    a = b = 0;
    if (d >= codec.dim) return;
    const int64_t at = static_cast<int64_t>(greater(token.code, 0)) * codec.dim + d;
    const float4 c = load_as<float4>(View<const float>(codec.centroids), at);
    const uint32_t factor = codec.form == kScaled ? token.factor * 0x10001u : 0x3c003c00u;
    a = multiply_add_halves(factor, low, halves_of(c.x, c.y));
    b = multiply_add_halves(factor, high, halves_of(c.z, c.w));
  }

  TARTAN_METHOD Token token_at(int64_t t) const {
    Token token;
    token.number = t;
    token.squares = 0;
    token.code = code_of(arguments.passages, t, arguments.codec.count, arguments.status);
    token.factor = arguments.passages.factors ? View<const uint16_t>(arguments.passages.factors)[t] : kOne;
    return token;
  }

  TARTAN_METHOD void load_codes(Token& token, const Part<true>& part) const {
    const int dim = arguments.codec.dim;
    const View<const uint8_t> residuals(arguments.passages.residuals);
    const int64_t row = token.number * (dim * kBits / 8);
    if (dim % 32 == 0 && part.steps == kSteps) {
      token.codes.load(residuals, row + part.first * kBits / 8);
    } else {
      token.codes.gather(residuals, row, part.first * kBits, dim * kBits / 8);
    }
  }

  TARTAN_METHOD void raise(int q, int64_t row, int64_t count, int64_t token, int64_t last,
                           float (&top)[kColumns][2]) const {
    const int dim = arguments.codec.dim;
    const int64_t t = token + lane() / 4;
    Token tokens[2] = {token_at(smaller(t, last - 1)), token_at(smaller(t + 8, last - 1))};
    float sums[kColumns][4] = {};
    for (int piece = 0; piece < dim; piece += kPiece) {
      const Part<true> part(dim, piece, lane() % 4);
      load_codes(tokens[0], part);
      load_codes(tokens[1], part);
      if (!arguments.passages.factors) {
        measure(tokens[0], part);
        measure(tokens[1], part);
      }
      multiply_piece(fragments + piece / 16 * kColumns * kWarp, part.steps, Tile{*this, tokens, part}, sums);
    }
    TARTAN_UNROLL
    for (int k = 0; k < 2; k++) {
      float factor = half_to_float(tokens[k].factor);
      if (!arguments.passages.factors) {
        float squares = tokens[k].squares;
        squares += shuffle_xor(squares, 1);
        squares += shuffle_xor(squares, 2);
        factor = 1 / greater(sqrtf(squares), 1e-12f);
      }
      if (tokens[k].code < 0) continue;
      finish(q, row, count, tokens[k].code, factor, k, sums, top);
    }
  }

  // Adds up the squares of centroid and weights: indexes of other engines store no norms.
  TARTAN_METHOD void measure(Token& token, const Part<true>& part) const {
    const View<const float> centroids(arguments.codec.centroids);
    const int64_t row = static_cast<int64_t>(greater(token.code, 0)) * arguments.codec.dim;
    TARTAN_UNROLL
    for (int s = 0; s < kSteps; s++) {
      if (s >= part.steps || part.at(s) >= arguments.codec.dim) continue;
      const float4 c = load_as<float4>(centroids, row + part.at(s));
      const uint32_t low = weights.pair(token.codes.four(s));
      const uint32_t high = weights.pair(token.codes.four(s) >> 2 * kBits);
      const float x = c.x + half_to_float(low & 0xffff);
      const float y = c.y + half_to_float(low >> 16);
      const float z = c.z + half_to_float(high & 0xffff);
      const float w = c.w + half_to_float(high >> 16);
      token.squares += x * x + y * y + z * z + w * w;
    }
  }

  // Raises the maxima by the token of number k.
  TARTAN_METHOD void finish(int q, int64_t row, int64_t count, int64_t code, float factor, int k,
                            float (&sums)[kColumns][4], float (&top)[kColumns][2]) const {
    const bool scaled = arguments.codec.form == kScaled;
    const float share = scaled ? 1 : factor;
    const int64_t base =
        arguments.codec.count * View<const int32_t>(arguments.queries.offsets)[q] + code * count + row;
    TARTAN_UNROLL
    for (int n = 0; n < kColumns; n++) {
      float2 sim = {sums[n][k * 2], sums[n][k * 2 + 1]};
      if constexpr (kCentroids) {
        if (!scaled) sim.x *= factor, sim.y *= factor;
      } else {
        const int r = n * 8 + lane() % 4 * 2;
        const float2 score = two_scores(base + r, count - row - r);
        sim.x = fmaf(factor, sim.x, share * score.x);
        sim.y = fmaf(factor, sim.y, share * score.y);
      }
      top[n][0] = fmaxf(top[n][0], sim.x);
      top[n][1] = fmaxf(top[n][1], sim.y);
    }
  }

  // The scores of two query rows, of which `left` are there.
  TARTAN_METHOD float2 two_scores(int64_t at, int64_t left) const {
    const View<const float> scores(arguments.scores);
    if (left >= 2 && reinterpret_cast<uint64_t>(arguments.scores + at) % 8 == 0)
      return load_as<float2>(scores, at);
    float2 two = {0, 0};
    if (left >= 1) two.x = scores[at];
    if (left >= 2) two.y = scores[at + 1];
    return two;
  }
};

template <int kBits, bool kCentroids>
TARTAN_DEVICE void fused_maxsim(const MaxSimArguments& arguments, View<uint2> fragments,
                                View<uint32_t> pairs) {
  FusedScorer<kBits, kCentroids> scorer = {arguments, fragments, Weights<kBits>(pairs)};
  scorer.weights.fill(View<const float>(arguments.codec.weights));
  score_candidates(scorer, arguments.queries, arguments.candidates, arguments.passages.offsets,
                   arguments.passages.count, arguments.status);
}

#define TARTAN_FUSED_KERNEL(name, bits, centroids)              \
  TARTAN_KERNEL(name, 128, MaxSimArguments) {                   \
    TARTAN_SHARED(uint32_t, pairs, kPairs<bits>);               \
    TARTAN_DYNAMIC_SHARED(uint2, fragments);                    \
    fused_maxsim<bits, centroids>(arguments, fragments, pairs); \
  }

#endif
