// Bucket numbers of the residuals, packed, and the factor of each token: the bits that tartan_compress of tartan_cpu.h defines.
//
// Eight threads a row, each with every eighth dimension, because that is the order in which the definition adds; four rows a
// warp. The bucket numbers of a row meet in shared memory to be packed. A bucket is found by bisection of the cutoffs. Bytes a
// row: dim * 4 of the row and of its centroid, which stay in L1 for the second and third look.
#include "block.cuh"

constexpr int kThreadsOfRow = 8;
constexpr int kRowsOfBlock = 32;

// One row as one of its eight threads sees it.
struct RowPart {
  const Codec& codec;
  View<const float> row;
  View<const float> centroid;
  int part;

  TARTAN_METHOD float residual(int d) const { return row[d] - centroid[d]; }

  // The number of cutoffs strictly below x; 0 for NaN.
  TARTAN_METHOD int bucket(float x) const {
    const View<const float> cutoffs(codec.cutoffs);
    int low = 0;
    int high = (1 << codec.nbits) - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (cutoffs[middle] < x) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  TARTAN_METHOD float weight(float x) const { return View<const float>(codec.weights)[bucket(x)]; }
};

// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)) of the sums of the eight threads.
TARTAN_DEVICE float sum_of_row(float x) {
  x += shuffle_xor(x, 4);
  x += shuffle_xor(x, 2);
  return x + shuffle_xor(x, 1);
}

// How the definition refines 1 / s: towards the least squared error.
TARTAN_DEVICE float refined(const RowPart& mine, float inverse) {
  float length = 0;
  float product = 0;
  for (int d = mine.part; d < mine.codec.dim; d += kThreadsOfRow) {
    const float residual = mine.residual(d);
    const float weight = mine.weight(residual * inverse);
    length += weight * weight;
    product += residual * weight;
  }
  length = sum_of_row(length);
  product = sum_of_row(product);
  const float factor = length > 0 ? product / length : 0;
  const float twice = 2 * factor * inverse - 1;
  return twice > 0 ? inverse / twice : inverse;
}

TARTAN_KERNEL(tartan_compress, 256, CompressArguments) {
  TARTAN_DYNAMIC_SHARED(uint8_t, all_buckets);
  const Codec& codec = arguments.codec;
  const int number = threadIdx.x / kThreadsOfRow;
  const int64_t wanted = static_cast<int64_t>(blockIdx.x) * kRowsOfBlock + number;
  const int64_t i = smaller(wanted, arguments.n - 1);
  int64_t code = View<const int32_t>(arguments.codes)[i];
  if (static_cast<uint64_t>(code) >= static_cast<uint64_t>(codec.count)) {
    atomic_max(View<int32_t>(arguments.status), 0, static_cast<int32_t>(kBadCode));
    code = 0;
  }
  const RowPart mine = {codec, View<const float>(arguments.rows) + i * codec.dim,
                        View<const float>(codec.centroids) + code * codec.dim,
                        static_cast<int>(threadIdx.x % kThreadsOfRow)};
  float squares = 0;
  float inverse = 1;
  if (codec.form == kScaled) {
    for (int d = mine.part; d < codec.dim; d += kThreadsOfRow) squares += mine.residual(d) * mine.residual(d);
    squares = sum_of_row(squares);
    inverse = squares > 0 ? sqrtf(static_cast<float>(codec.dim) / squares) : 0;
    for (int k = 0; k < 2 && codec.nbits > 1 && codec.nbits < 8; k++) inverse = refined(mine, inverse);
  }
  const View<uint8_t> buckets = all_buckets + number * codec.dim;
  float length = 0;
  for (int d = mine.part; d < codec.dim; d += kThreadsOfRow) {
    const int bucket = mine.bucket(mine.residual(d) * inverse);
    buckets[d] = static_cast<uint8_t>(bucket);
    const float weight = View<const float>(codec.weights)[bucket];
    const float value = codec.form == kScaled ? weight : weight + mine.centroid[d];
    length += value * value;
  }
  length = sum_of_row(length);
  float factor;
  if (codec.form == kScaled) {
    factor = length > 0 ? sqrtf(squares / length) : 0;
  } else {
    const float norm = sqrtf(length);
    factor = 1 / (norm > 1e-12f ? norm : 1e-12f);
  }
  sync_block();
  if (wanted >= arguments.n) return;
  const int row_bytes = codec.dim * codec.nbits / 8;
  for (int b = mine.part; b < row_bytes; b += kThreadsOfRow) {
    uint32_t byte = 0;
    for (int bit = b * 8; bit < b * 8 + 8; bit++) {
      byte |= (static_cast<uint32_t>(buckets[bit / codec.nbits]) >> bit % codec.nbits & 1) << bit % 8;
    }
    View<uint8_t>(arguments.residuals)[i * row_bytes + b] = static_cast<uint8_t>(byte);
  }
  if (mine.part == 0) View<uint16_t>(arguments.factors)[i] = float_to_half(factor);
}
