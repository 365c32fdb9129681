// MaxSim over compressed passages in integers: the bits that tartan_integer_maxsim of tartan_cpu.h defines.
//
// A warp a candidate, a lane a query row. At 1 and 2 bits a nibble of the residual looks up the sum of its dimensions, 32 lanes
// side by side; at 3, 4 and 8 bits the lanes unpack four weights each, which go round by shuffles to meet the rows (dp4a).
// Bytes a token: residual, code and factor in order, lanes * 2 of scores at random. Searches with this backend score in float16
// products straight away (maxsim.cuh), which is faster; this kernel serves whoever asks for the integers.
#include "block.cuh"

TARTAN_DEVICE int32_t multiply_high(int32_t a, int32_t b) { return ((a * b >> 14) + 1) >> 1; }
TARTAN_DEVICE int32_t saturate(int32_t x) { return clamp(x, -32768, 32767); }

TARTAN_DEVICE int32_t look_up(const Block& block, View<const uint8_t> residuals, int64_t row, int r) {
  const View<uint8_t> tables = block.tables();
  const int lanes = block.head.lanes;
  const int bytes = block.head.dim * block.head.nbits / 8;
  int32_t sum = -block.bias()[r];
  for (int b = 0; b < bytes; b++) {
    const int byte = residuals[row + b];
    sum += tables[(b * 32 + (byte & 15)) * lanes + r] + tables[(b * 32 + 16 + (byte >> 4)) * lanes + r];
  }
  return sum;
}

// The weights of the dimensions d .. d + 3.
TARTAN_DEVICE int32_t four_weights(const Block& block, View<const uint8_t> residuals, int64_t row, int d) {
  const View<int8_t> weights = block.weights();
  const int nbits = block.head.nbits;
  uint32_t four = 0;
  for (int k = 0; k < 4; k++) {
    const int bucket = bucket_of(residuals, row, nbits, d + k);
    four |= static_cast<uint32_t>(static_cast<uint8_t>(weights[nbits == 8 ? bucket >> 2 : bucket]))
            << (8 * k);
  }
  return static_cast<int32_t>(four);
}

// All lanes of the warp call it.
TARTAN_DEVICE int32_t dot(const Block& block, View<const uint8_t> residuals, int64_t row, int r) {
  const View<int8_t> rows = block.rows();
  const int quads = block.head.dim / 4;
  int32_t sum = 0;
  for (int first = 0; first < quads; first += kWarp) {
    const int mine = smaller(first + lane(), quads - 1);
    const int32_t weights = four_weights(block, residuals, row, mine * 4);
    for (int k = 0; k < smaller(kWarp, quads - first); k++) {
      sum = dot_bytes(shuffle(weights, k), load_as<int32_t>(rows, ((first + k) * block.head.lanes + r) * 4),
                      sum);
    }
  }
  return sum >> 1;
}

TARTAN_KERNEL(tartan_integer_maxsim, 256, IntegerMaxSimArguments) {
  const int q = blockIdx.y;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 8 + warp();
  if (i >= View<const int64_t>(arguments.candidates.counts)[q]) return;
  const int64_t at = q * arguments.candidates.capacity + i;
  const TokenRange tokens =
      tokens_of(arguments.passages.offsets, arguments.passages.count,
                View<const int32_t>(arguments.candidates.passages)[at], arguments.status);
  const Block block = block_of(arguments.integers, q);
  const BlockHead& head = block.head;
  const View<int16_t> scores = scores_of(arguments.integers, q);
  const View<const uint8_t> residuals(arguments.passages.residuals);
  const int64_t row_bytes = head.dim * head.nbits / 8;
  int32_t sum = 0;
  for (int r = lane(); r < head.lanes; r += kWarp) {
    int32_t top = -32768;
    for (int64_t t = tokens.first; t < tokens.last; t++) {
      const int64_t code = code_of(arguments.passages, t, arguments.integers.count, arguments.status);
      if (code < 0) continue;
      const float factor = arguments.passages.factors
                               ? half_to_float(View<const uint16_t>(arguments.passages.factors)[t])
                               : 1.0f;
      const float x = factor * head.multiplier;
      const int32_t fixed = x > 0 ? x < 32767 ? nearest(x) : 32767 : 0;
      const int32_t a = (head.nbits <= 2 ? look_up(block, residuals, t * row_bytes, r)
                                         : dot(block, residuals, t * row_bytes, r)) *
                        (1 << head.shift);
      const int32_t score = scores[code * head.lanes + r];
      top = greater(top, arguments.codec.form == kScaled ? saturate(score + multiply_high(a, fixed))
                                                         : multiply_high(saturate(score + a), fixed));
    }
    if (r < head.rows) sum += top;
  }
  sum = sum_of_warp(sum);
  if (lane() == 0) {
    View<float>(arguments.candidates.scores)[at] =
        tokens.first < tokens.last ? static_cast<float>(sum) * head.unit : -infinity();
  }
}
