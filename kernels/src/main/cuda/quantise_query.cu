// The block of each query (arguments.cuh): rows in 7-bit integers for the scores of centroids, and what integer_maxsim needs to
// meet residuals of nbits: the integers that tartan_quantise_query of tartan_cpu.h defines, for which every sum has its order.
//
// A block a query, a thread a row; the units are of all rows and chosen by all threads alike from the maxima in shared memory.
#include "block.cuh"

constexpr int kLimit = 63;
constexpr int kRowLimit = 127;
constexpr int kHalfLimit = 511;
constexpr int kMostRows = 256;

struct Job {
  const Codec& codec;
  View<const float> rows;  // [rows, dim]
  int count;
  View<float> room;  // [kMostRows]

  // NaN and what is too great for any query count as zero.
  TARTAN_METHOD float value(int r, int d) const {
    const float x = rows[static_cast<int64_t>(r) * codec.dim + d];
    return fabsf(x) <= 1e18f ? x : 0;
  }
};

// The greatest x of the threads that have a row, at least 0; all threads get it.
TARTAN_DEVICE float most_of_rows(const Job& job, float x) {
  if (static_cast<int>(threadIdx.x) < job.count) job.room[threadIdx.x] = x;
  sync_block();
  float most = 0;
  for (int r = 0; r < job.count; r++) most = greater(most, static_cast<float>(job.room[r]));
  sync_block();
  return most;
}

TARTAN_DEVICE double squares_of_weights(const Codec& codec) {
  const View<const float> weights(codec.weights);
  double squares = 0;
  for (int i = 0; i < 1 << codec.nbits; i++) squares += static_cast<double>(weights[i]) * weights[i];
  return squares;
}

// Beyond it a token would have to lie farther from its centroid than any unit vector does.
TARTAN_DEVICE float factor_limit(const Codec& codec) {
  const double squares = squares_of_weights(codec);
  return squares > 0 ? static_cast<float>(2 / sqrt(squares / (1 << codec.nbits) * codec.dim)) : 1.0f;
}

// Row r in 7-bit integers; returns its length.
TARTAN_DEVICE float quantise_row(const Job& job, const Block& block, int r, float grid_steps, float reach) {
  const int dim = job.codec.dim;
  float largest = 0;
  float half[2] = {0, 0};
  for (int d = 0; d < dim; d++) {
    const float x = job.value(r, d);
    largest = greater(largest, fabsf(x));
    half[d >> 1 & 1] += x * x;
  }
  const float part = sqrtf(greater(half[0], half[1]));
  const float rounding = 0.5f * sqrtf(static_cast<float>(dim) / 2);
  const float room = 32767 / greater(1.0f, reach) - rounding - 1;
  float steps = largest > 1e-18f ? kLimit / largest : 1.0f;
  if (steps * part > room) steps = room / part;
  const View<int8_t> values = block.values();
  for (int d = 0; d < dim; d++) {
    values[(d / 4 * block.head.lanes + r) * 4 + d % 4] =
        static_cast<int8_t>(clamp(nearest(job.value(r, d) * steps), -kLimit, kLimit));
  }
  block.scales()[r] = 1 / (steps * grid_steps);
  return sqrtf(half[0] + half[1]);
}

// What the dimensions of a group add to the product of row r, for a nibble.
TARTAN_DEVICE float entry_of(const Job& job, int r, int group, int nibble) {
  const int nbits = job.codec.nbits;
  const int dims = 4 / nbits;
  float sum = 0;
  for (int k = 0; k < dims; k++) {
    const int bucket = nibble >> (k * nbits) & ((1 << nbits) - 1);
    sum += job.value(r, group * dims + k) * View<const float>(job.codec.weights)[bucket];
  }
  return sum;
}

struct Extent {
  float low;
  float high;
};

TARTAN_DEVICE Extent extent_of(const Job& job, int r, int group) {
  Extent extent = {3.402823466e38f, -3.402823466e38f};
  for (int i = 0; i < 16; i++) {
    const float x = entry_of(job, r, group, i);
    extent.low = smaller(extent.low, x);
    extent.high = greater(extent.high, x);
  }
  return extent;
}

// The units of look-ups; returns what a step of them stands for.
TARTAN_DEVICE float choose_units(const Codec& codec, float widest, float farthest, int groups, float least,
                                 BlockHead& head) {
  const int limit = smaller(kLimit, 32767 / groups);
  float step = greater(widest / limit, farthest / 32000.0f);
  step = step > 1e-12f ? step : 1.0f;
  if (codec.form != kScaled) step = greater(step, least);
  float most = farthest / step + static_cast<float>(groups) / 2 + 1;
  if (codec.form != kScaled) most += 32767 * least / step;
  int shift = 0;
  while (shift < 8 && most * (2 << shift) <= 32767) shift++;
  if (codec.form != kScaled) {
    while (shift > 0 && step / (1 << shift) < least) shift--;
    head.score_unit = step / (1 << shift);
    head.unit = head.score_unit * 2;
    head.multiplier = 16384;
  } else {
    const float whole = step * (1 << (15 - shift));
    head.unit = greater(factor_limit(codec) * whole / 32767, least);
    head.score_unit = head.unit;
    head.multiplier = whole / head.unit;
  }
  head.shift = shift;
  return step;
}

TARTAN_DEVICE void fill_tables(const Job& job, const Block& block, float least, BlockHead& head) {
  const int r = threadIdx.x;
  const int groups = job.codec.dim * job.codec.nbits / 4;
  float lows = 0;
  float widest = 0;
  float farthest = 0;
  if (r < job.count) {
    float above = 0;
    for (int g = 0; g < groups; g++) {
      const Extent extent = extent_of(job, r, g);
      lows += extent.low;
      above += extent.high;
      widest = greater(widest, extent.high - extent.low);
    }
    farthest = greater(fabsf(above), fabsf(lows));
  }
  widest = most_of_rows(job, widest);
  farthest = most_of_rows(job, farthest);
  const float step = choose_units(job.codec, widest, farthest, groups, least, head);
  const float inverse = 1 / step;
  const int limit = smaller(kLimit, 32767 / groups);
  if (r < job.count) block.bias()[r] = clamp(nearest(-lows * inverse), -32768, 32767);
  for (int i = threadIdx.x; i < groups * block.head.lanes; i += blockDim.x) {
    const int g = i / block.head.lanes;
    const int row = i % block.head.lanes;
    float entries[16] = {};
    float low = 0;
    TARTAN_UNROLL
    for (int n = 0; n < 16; n++) {
      if (row < job.count) entries[n] = entry_of(job, row, g, n);
      low = n == 0 ? entries[n] : smaller(low, entries[n]);
    }
    TARTAN_UNROLL
    for (int n = 0; n < 16; n++) {
      const int entry = nearest((entries[n] - low) * inverse);
      block.tables()[(g * 16 + n) * block.head.lanes + row] = static_cast<uint8_t>(clamp(entry, 0, limit));
    }
  }
}

// The greatest sum of magnitudes, times `steps`, over dimensions 0, 1 of every four of a row, or over 2, 3.
TARTAN_DEVICE float greatest_half(const Job& job, float steps, bool rounded) {
  float half[2] = {0, 0};
  if (static_cast<int>(threadIdx.x) < job.count) {
    for (int d = 0; d < job.codec.dim; d++) {
      const float x = fabsf(job.value(threadIdx.x, d) * steps);
      half[d >> 1 & 1] += rounded ? rintf(x) : x;
    }
  }
  return most_of_rows(job, greater(half[0], half[1]));
}

TARTAN_DEVICE float steps_of_rows(const Job& job) {
  float largest = 0;
  if (static_cast<int>(threadIdx.x) < job.count) {
    for (int d = 0; d < job.codec.dim; d++) largest = greater(largest, fabsf(job.value(threadIdx.x, d)));
  }
  largest = most_of_rows(job, largest);
  const float half = greatest_half(job, 1, false);
  float steps = largest > 1e-18f ? kRowLimit / largest : 1.0f;
  if (steps * half > kHalfLimit) steps = kHalfLimit / half;
  for (float sum = greatest_half(job, steps, true); sum > kHalfLimit; sum = greatest_half(job, steps, true)) {
    steps *= kHalfLimit / (sum + 1);
  }
  return steps;
}

// The weight of a bucket, or at 8 bits the mean of the four that share its high six bits.
TARTAN_DEVICE float weight_of(const Codec& codec, int i) {
  const int shared = codec.nbits == 8 ? 4 : 1;
  float sum = 0;
  for (int k = 0; k < shared; k++) {
    const float weight = View<const float>(codec.weights)[i * shared + k];
    sum += fabsf(weight) <= 1e18f ? weight : 0.0f;
  }
  return shared == 4 ? sum * 0.25f : sum;
}

TARTAN_DEVICE void fill_dots(const Job& job, const Block& block, float least, BlockHead& head) {
  const Codec& codec = job.codec;
  const bool scaled = codec.form == kScaled;
  head.multiplier = scaled ? 32767 / factor_limit(codec) : 16384.0f;
  const float finest = scaled ? least * head.multiplier * (1.0f / 32768) : 2 * least;
  const float steps = steps_of_rows(job);
  const View<int8_t> rows = block.rows();
  const int lanes = block.head.lanes;
  for (int i = threadIdx.x; i < codec.dim * lanes; i += blockDim.x) {
    const int d = i / lanes;
    const int r = i % lanes;
    const int x = r < job.count ? nearest(job.value(r, d) * steps) : 0;
    rows[(d / 4 * lanes + r) * 4 + d % 4] = static_cast<int8_t>(x);
  }
  const int buckets = (1 << codec.nbits) / (codec.nbits == 8 ? 4 : 1);
  float largest = 0;
  for (int i = 0; i < buckets; i++) largest = greater(largest, fabsf(weight_of(codec, i)));
  float weight_steps = largest > 1e-18f ? kLimit / largest : 1.0f;
  weight_steps = smaller(weight_steps, 2 / (steps * finest));
  if (static_cast<int>(threadIdx.x) < 64) {
    const int i = threadIdx.x;
    block.weights()[i] = static_cast<int8_t>(i < buckets ? nearest(weight_of(codec, i) * weight_steps) : 0);
  }
  const float step = 2 / (steps * weight_steps);
  head.unit = scaled ? step * (32768 / head.multiplier) : step * 2;
  head.score_unit = scaled ? head.unit : step;
  head.shift = 0;
}

TARTAN_KERNEL(tartan_quantise_query, kMostRows, QuantiseQueryArguments) {
  TARTAN_SHARED(float, room, kMostRows);
  const int q = blockIdx.x;
  const Codec& codec = arguments.codec;
  const View<const int32_t> offsets(arguments.queries.offsets);
  const int count = offsets[q + 1] - offsets[q];
  const Job job = {codec,
                   View<const float>(arguments.queries.rows) + static_cast<int64_t>(offsets[q]) * codec.dim,
                   count, room};
  BlockHead head = {1, 1, 0, 0, count, (count + kLanes - 1) / kLanes * kLanes, codec.dim, codec.nbits, {}};
  const Block block = {head,
                       arguments.integers.blocks + View<const int64_t>(arguments.integers.block_offsets)[q]};
  const int r = threadIdx.x;
  float length = 0;
  if (r < count) {
    length = quantise_row(job, block, r, arguments.steps, arguments.reach);
  } else if (r < head.lanes) {
    for (int d = 0; d < codec.dim; d += 4) store_as<int32_t>(block.values(), (d / 4 * head.lanes + r) * 4, 0);
    block.scales()[r] = 0;
  }
  if (r >= count && r < head.lanes) block.bias()[r] = 0;
  const float longest = most_of_rows(job, length);
  const float least = (longest > 0 ? longest : 1) * 1.1f / 32767;
  if (codec.nbits == 0) {
    head.unit = head.score_unit = least;
  } else if (codec.nbits <= 2) {
    fill_tables(job, block, least, head);
  } else {
    fill_dots(job, block, least, head);
  }
  if (r < count) block.scales()[r] = block.scales()[r] / head.score_unit;
  if (r == 0) store_as<BlockHead>(View<BlockHead>(reinterpret_cast<BlockHead*>(block.start)), 0, head);
}
