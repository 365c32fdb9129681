// Where the parts of a query in integers lie (arguments.cuh, BlockHead).
#ifndef TARTAN_BLOCK_CUH
#define TARTAN_BLOCK_CUH

#include "tartan.cuh"

constexpr int kLanes = 32;

struct Block {
  BlockHead head;
  uint8_t* start;

  TARTAN_METHOD View<float> scales() const {
    return View<float>(reinterpret_cast<float*>(start + sizeof(BlockHead)));
  }
  TARTAN_METHOD View<int32_t> bias() const {
    return View<int32_t>(reinterpret_cast<int32_t*>(start + sizeof(BlockHead) + head.lanes * 4));
  }
  TARTAN_METHOD View<int8_t> values() const {
    return View<int8_t>(reinterpret_cast<int8_t*>(start + sizeof(BlockHead) + head.lanes * 8));
  }
  // Of the look-ups: [groups][16][lanes]; or the weights of dot products.
  TARTAN_METHOD View<uint8_t> tables() const { return View<uint8_t>(tables_start()); }
  TARTAN_METHOD View<int8_t> weights() const {
    return View<int8_t>(reinterpret_cast<int8_t*>(tables_start()));
  }
  TARTAN_METHOD View<int8_t> rows() const {
    return View<int8_t>(reinterpret_cast<int8_t*>(tables_start() + 64));
  }
  TARTAN_METHOD uint8_t* tables_start() const {
    return start + sizeof(BlockHead) + head.lanes * (8 + head.dim);
  }
};

TARTAN_DEVICE Block block_of(const Integers& integers, int q) {
  uint8_t* start = integers.blocks + View<const int64_t>(integers.block_offsets)[q];
  return {load_as<BlockHead>(View<const BlockHead>(reinterpret_cast<const BlockHead*>(start)), 0), start};
}

// The scores of query q: [K, lanes].
TARTAN_DEVICE View<int16_t> scores_of(const Integers& integers, int q) {
  return View<int16_t>(integers.scores) + integers.count * View<const int32_t>(integers.lane_offsets)[q];
}

// The bucket of dimension d of a residual row that starts at byte `row`.
TARTAN_DEVICE int bucket_of(View<const uint8_t> residuals, int64_t row, int nbits, int d) {
  const int bit = d * nbits;
  uint32_t word = residuals[row + bit / 8];
  if (bit % 8 + nbits > 8) word |= static_cast<uint32_t>(residuals[row + bit / 8 + 1]) << 8;
  return word >> bit % 8 & ((1u << nbits) - 1);
}

#endif
