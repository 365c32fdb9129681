// What the fused MaxSim may cost: bytes from memory against those that are stored, matrix instructions against the fewest.
#include "check.h"
#include "traffic.h"

namespace {

constexpr double kMostBytes = 1.15, kMostMma = 1.5;

traffic::Sample sample_of(const char* kernel, int nbits, const traffic::Lengths& lengths) {
  check::where = std::string(kernel) + " " + lengths.text();
  traffic::Sample sample = traffic::sample(kernel, nbits, lengths);
  CHECK(sample.fault.empty());
  return sample;
}

}  // namespace

TEST(whole_tiles_within_the_limits) {
  for (const char* kernel : {"tartan_maxsim_2", "tartan_rescore_2"}) {
    for (int length : {16, 128}) {
      const traffic::Sample sample = sample_of(kernel, 2, {length, length});
      // By requests of warps, lists included; and what must come from memory once, in whole sectors.
      CHECK(sample.ratio(sample.own.requested + sample.lists.requested + sample.lists.written) <= kMostBytes);
      CHECK(sample.ratio(sample.own.distinct_sectors + sample.lists.distinct_sectors +
                         sample.lists.written) <= kMostBytes);
      CHECK(sample.mma_of_tile() <= kMostMma * traffic::kLeastMma);
    }
  }
}

// Nothing is read that no candidate has, and each byte is read.
TEST(stored_bytes_are_read) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    const traffic::Sample sample =
        sample_of(("tartan_maxsim_" + std::to_string(nbits)).c_str(), nbits, {1, 40});
    CHECK(sample.own.distinct == sample.tokens * static_cast<uint64_t>(sample.stored));
  }
  const traffic::Sample dense = sample_of("tartan_maxsim_dense", 0, {1, 40});
  CHECK(dense.own.distinct == dense.tokens * static_cast<uint64_t>(dense.stored));
}

// A passage costs its last tile in full, and what tokens of that tile repeat is asked for again, but comes from memory once.
TEST(ragged_passages_pay_for_whole_tiles) {
  const traffic::Sample sample = sample_of("tartan_maxsim_2", 2, {1, 90});
  CHECK(sample.mma == sample.tiles * traffic::kLeastMma);
  CHECK(sample.mma_of_tile() > traffic::kLeastMma);
  CHECK(sample.own.distinct == sample.tokens * static_cast<uint64_t>(sample.stored));
  CHECK(sample.own.requested >= sample.own.distinct);
}
