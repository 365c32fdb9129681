// From packed bucket numbers to float16 weights in registers.
//
// 1 and 2 bits: the bytes of the (up to four) weights lie in two registers, low and high, and a byte permutation picks both halves
// of a pair of weights at once. 3, 4 and 8 bits: a table of pairs (64 and 256 of them) or of single weights (256) in shared memory.
#ifndef TARTAN_WEIGHTS_CUH
#define TARTAN_WEIGHTS_CUH

#include "tartan.cuh"

template <int kBits>
constexpr int kPairs = kBits == 3 ? 64 : 256;  // entries of the table

template <int kBits>
struct Weights {
  static constexpr bool kTable = kBits >= 3;
  View<uint32_t> pairs;
  uint32_t low;
  uint32_t high;

  TARTAN_METHOD explicit Weights(View<uint32_t> pairs) : pairs(pairs), low(0), high(0) {}

  // By all threads of a block, which then meet at a barrier before the first pair().
  TARTAN_METHOD void fill(View<const float> weights) {
    if constexpr (kTable) {
      for (int i = threadIdx.x; i < kPairs<kBits>; i += blockDim.x) {
        pairs[i] = kBits == 8 ? halves_of(weights[i], 0)
                              : halves_of(weights[i & ((1 << kBits) - 1)], weights[i >> kBits]);
      }
    } else {
      for (int i = 0; i < 1 << kBits; i++) {
        const uint32_t half = halves_of(weights[i], 0);
        low |= (half & 255) << 8 * i;
        high |= (half >> 8) << 8 * i;
      }
    }
  }

  // The float16 weights of two bucket numbers, the first in the lowest bits of `codes`.
  TARTAN_METHOD uint32_t pair(uint32_t codes) const {
    constexpr uint32_t mask = (1 << kBits) - 1;
    if constexpr (kBits == 8) {
      return permute_bytes(pairs[codes & mask], pairs[codes >> 8 & mask], 0x5410);
    } else if constexpr (kTable) {
      return pairs[codes & ((1 << 2 * kBits) - 1)];
    } else {
      const uint32_t both = (codes & mask) | (codes & mask << kBits) << (8 - kBits);  // one in a byte
      return permute_bytes(low, high, both * 0x11 + 0x4040);
    }
  }
};

#endif
