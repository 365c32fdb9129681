#include "traffic.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "arguments.cuh"
#include "fixture.h"
#include "half.h"

namespace traffic {

namespace {

using emulation::Traffic;
using fixture::Device;

constexpr uint32_t kThreads = 128, kCandidatesOfBlock = 16;
constexpr uint32_t kSharedBytes = kDim / 16 * (kRows / 8) * 32 * 8;  // fragments of the query

std::mt19937 random_of(int seed) { return std::mt19937(static_cast<uint32_t>(seed)); }

std::vector<float> floats(size_t n, int seed) {
  std::mt19937 random = random_of(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random() % 2001) / 1000.0f - 1;
  return values;
}

template <class T>
std::vector<T> numbers(size_t n, uint32_t limit, int seed) {
  std::mt19937 random = random_of(seed);
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(random() % limit);
  return values;
}

std::vector<int64_t> offsets_of(const Lengths& lengths) {
  std::mt19937 random = random_of(11);
  std::vector<int64_t> offsets(2 * kCandidates + 1, 0);
  for (size_t i = 1; i < offsets.size(); i++) {
    offsets[i] =
        offsets[i - 1] + lengths.least + random() % static_cast<uint32_t>(lengths.most - lengths.least + 1);
  }
  return offsets;
}

std::vector<int32_t> every_second() {
  std::vector<int32_t> passages(kCandidates);
  for (int i = 0; i < kCandidates; i++) passages[i] = 2 * i;
  std::shuffle(passages.begin(), passages.end(), random_of(12));
  return passages;
}

Traffic operator+(const Traffic& a, const Traffic& b) {
  return {a.read + b.read,
          a.written + b.written,
          a.requested + b.requested,
          a.sectors + b.sectors,
          a.distinct + b.distinct,
          a.distinct_sectors + b.distinct_sectors,
          a.wavefronts + b.wavefronts};
}

// The arrays that all kernels take.
struct Arrays {
  explicit Arrays(int nbits, const Lengths& lengths)
      : offset_values(offsets_of(lengths)),
        passage_values(every_second()),
        tokens(static_cast<size_t>(offset_values.back())),
        row_bytes(nbits > 0 ? kDim * nbits / 8 : kDim * 2),
        rows(floats(kRows * kDim, 1)),
        row_offsets(std::vector<int32_t>{0, kRows}),
        centroids(floats(kCentroids * kDim, 2)),
        scores(floats(kCentroids * kRows, 3)),
        weights(floats(size_t{1} << nbits, 4)),
        offsets(offset_values),
        codes(numbers<uint16_t>(tokens, kCentroids, 5)),
        // Halves below 2^-14 and bytes alike.
        residuals(numbers<uint8_t>(tokens * static_cast<size_t>(row_bytes), nbits > 0 ? 256 : 4, 6)),
        factors(numbers<uint16_t>(tokens, 0x3c00, 7)),
        passages(passage_values),
        results(kCandidates),
        counts(std::vector<int64_t>{kCandidates}),
        status(std::vector<int32_t>{0}) {}

  MaxSimArguments arguments(int nbits, bool from_centroids) const {
    MaxSimArguments all = {};
    all.queries = {rows.at(), row_offsets.at(), 1, kDim};
    all.scores = from_centroids ? nullptr : scores.at();
    all.codec = {centroids.at(), nullptr, weights.at(), kCentroids, kDim, nbits, kScaled, 0};
    all.passages = {offsets.at(), codes.at(), residuals.at(), factors.at(), 2 * kCandidates, 2, 0};
    all.dense = {offsets.at(), residuals.at(), 2 * kCandidates, 2, kDim};
    all.candidates = {passages.at(), results.at(), counts.at(), kCandidates};
    all.status = status.at();
    return all;
  }

  std::vector<int64_t> offset_values;
  std::vector<int32_t> passage_values;
  size_t tokens;
  int row_bytes;
  Device<float> rows;
  Device<int32_t> row_offsets;
  Device<float> centroids, scores, weights;
  Device<int64_t> offsets;
  Device<uint16_t> codes;
  Device<uint8_t> residuals;
  Device<uint16_t> factors;
  Device<int32_t> passages;
  Device<float> results;
  Device<int64_t> counts;
  Device<int32_t> status;
};

}  // namespace

std::string Lengths::text() const {
  return least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
}

Sample sample(const std::string& kernel, int nbits, const Lengths& lengths) {
  const Arrays arrays(nbits, lengths);
  const MaxSimArguments arguments = arrays.arguments(nbits, kernel.find("rescore") != std::string::npos);
  emulation::Launch launch =
      fixture::shape((kCandidates + kCandidatesOfBlock - 1) / kCandidatesOfBlock, kThreads);
  launch.dynamic_bytes = kSharedBytes;
  emulation::start_counting();
  const emulation::Outcome outcome = fixture::launch(kernel.c_str(), arguments, launch);
  emulation::stop_counting();
  emulation::Counts counts = emulation::counted();
  const auto of = [&](const auto& array) {
    return counts.allocations[reinterpret_cast<uintptr_t>(array.at())];
  };
  Sample sample = {};
  sample.fault = outcome.text;
  sample.stored = arrays.row_bytes + (nbits > 0 ? 2 + 2 : 0);
  for (int32_t passage : arrays.passage_values) {
    const int64_t length = arrays.offset_values[passage + 1] - arrays.offset_values[passage];
    sample.tokens += static_cast<uint64_t>(length);
    sample.tiles += static_cast<uint64_t>((length + kTileTokens - 1) / kTileTokens);
  }
  sample.own = of(arrays.residuals) + of(arrays.codes) + of(arrays.factors);
  sample.lists = of(arrays.offsets) + of(arrays.passages) + of(arrays.results) + of(arrays.counts);
  sample.table = of(arrays.scores) + of(arrays.centroids);
  sample.query = of(arrays.rows) + of(arrays.row_offsets) + of(arrays.weights);
  sample.shared = counts.shared;
  sample.mma = counts.mma;
  return sample;
}

}  // namespace traffic
