// nearest_centroids, accumulate_centroids, and the argument checks of the ABI.
#include "fixture.h"

using namespace fixture;

namespace {

Guarded<int32_t> naive_codes(const Guarded<float>& rows, int64_t n, int dim, const Guarded<float>& centroid,
                             int64_t centroids) {
  Guarded<int32_t> codes(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; i++) {
    float top = kNan;
    codes[i] = 0;
    for (int64_t c = 0; c < centroids; c++) {
      const float x = chain_dot(rows.data() + i * dim, centroid.data() + c * dim, dim);
      if (x == x && !(x <= top)) {
        top = x;
        codes[i] = static_cast<int32_t>(c);
      }
    }
  }
  return codes;
}

void check_nearest(int64_t n, int dim, int64_t centroids) {
  check::where =
      "n " + std::to_string(n) + " dim " + std::to_string(dim) + " centroids " + std::to_string(centroids);
  const Guarded<float> rows = unit_rows(n, dim);
  const Guarded<float> centroid = unit_rows(centroids, dim);
  // Equal centroids make ties.
  for (int64_t c = centroids / 2; c < centroids; c += 3) {
    memcpy(&centroid[c * dim], &centroid[pick(c + 1) * dim], static_cast<size_t>(dim) * 4);
  }
  if (n > 2) rows[dim] = kNan;
  if (centroids > 3) centroid[2 * dim] = kNan;
  const Guarded<int32_t> expected = naive_codes(rows, n, dim, centroid, centroids);
  each_tier([&](int32_t tier) {
    Guarded<int32_t> codes(static_cast<size_t>(n));
    const int64_t cut = pick(n + 1);
    CHECK(tartan_nearest_centroids(tier, rows.data(), cut, dim, centroid.data(), centroids, codes.data()) ==
          0);
    CHECK(tartan_nearest_centroids(tier, rows.data() + cut * dim, n - cut, dim, centroid.data(), centroids,
                                   codes.data() + cut) == 0);
    CHECK(codes.same_bits(expected));
  });
}

}  // namespace

TEST(nearest_centroids_are_the_naive_ones) {
  for (int dim : {8, 64, 96, 128, 768, 1024}) {
    for (int64_t n : {0, 1, 5, 6, 7, 50}) {
      for (int64_t centroids : {1, 15, 16, 17, 100}) check_nearest(n, dim, centroids);
    }
  }
  check_nearest(300, 128, 700);
  check_nearest(70, 1024, 130);
  check_nearest(7000, 8, 20);
}

TEST(nearest_centroids_accept_a_greatest_product_of_minus_infinity) {
  const Guarded<float> rows(std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0});
  Guarded<float> centroid(24);
  centroid[0] = kNan;
  centroid[8] = centroid[16] = -kInfinity;
  each_tier([&](int32_t tier) {
    int32_t code = -1;
    CHECK(tartan_nearest_centroids(tier, rows.data(), 1, 8, centroid.data(), 3, &code) == 0 && code == 1);
    CHECK(tartan_nearest_centroids(tier, rows.data(), 1, 8, centroid.data(), 1, &code) == 0 && code == 0);
  });
}

TEST(accumulate_centroids_is_exact) {
  for (int dim : {8, 64, 96, 128, 768, 1024}) {
    check::where = "dim " + std::to_string(dim);
    const int64_t n = 40;
    const int64_t centroids = 5;
    const Guarded<float> rows = unit_rows(n, dim);
    for (size_t i = 0; i < rows.size(); i++) {
      // All magnitudes, exact ties and the ends of the range.
      if (i % 3 == 0) rows[i] = std::ldexp(uniform(), -static_cast<int>(pick(40)));
      if (i % 7 == 0) rows[i] = std::ldexp(static_cast<float>(2 * pick(1000) - 999), -33);
    }
    rows[0] = 1;
    rows[1] = -1;
    rows[2] = -0.0f;
    Guarded<int32_t> codes(n);
    for (int64_t i = 0; i < n; i++) codes[i] = static_cast<int32_t>(pick(centroids));
    Guarded<int64_t> sums(static_cast<size_t>(centroids * dim)), counts(centroids);
    for (int64_t i = 0; i < n; i++) {
      counts[codes[i]]++;
      for (int d = 0; d < dim; d++) {
        sums[codes[i] * dim + d] += static_cast<int64_t>(std::nearbyint(rows[i * dim + d] * 4294967296.0));
      }
    }
    each_tier([&](int32_t tier) {
      Guarded<int64_t> s(sums.size()), c(counts.size());
      CHECK(tartan_accumulate_centroids(tier, rows.data(), 11, dim, codes.data(), centroids, s.data(),
                                        c.data()) == 0);
      CHECK(tartan_accumulate_centroids(tier, rows.data() + 11 * dim, n - 11, dim, codes.data() + 11,
                                        centroids, s.data(), c.data()) == 0);
      CHECK(s.same_bits(sums));
      CHECK(c.same_bits(counts));
      codes[n - 1] -= 6;
      CHECK(tartan_accumulate_centroids(tier, rows.data(), n, dim, codes.data(), centroids, s.data(),
                                        c.data()) == TARTAN_BAD_CODE);
      codes[n - 1] += 6;
    });
  }
}

TEST(arguments_outside_their_ranges_are_refused) {
  CHECK(tartan_abi_version() == TARTAN_ABI_VERSION);
  CHECK(tartan_tier_name(-1) == nullptr && tartan_tier_name(TARTAN_TIERS) == nullptr);
  for (int32_t tier = 0; tier < TARTAN_TIERS; tier++) CHECK(tartan_tier_name(tier) != nullptr);
  for (int32_t status = -1; status < 8; status++) CHECK(tartan_error_text(status) != nullptr);
  Segment s(16, 2, 2, 4, 2, TARTAN_UNIT);
  Query q(2, 16, s.centroid, 4);
  Guarded<float> out(64);
  const int32_t none = 0;
  int32_t code;
  int64_t count;
  const auto scores = [&](int32_t tier, int32_t rows, int32_t dim, int64_t first) {
    const tartan_query query = {rows, dim, q.values.data(), nullptr, nullptr};
    return tartan_centroid_scores(tier, &query, s.centroid.data(), first, 4, out.data(), out.data() + 32);
  };
  CHECK(scores(0, 2, 16, 0) == TARTAN_OK);
  CHECK(scores(-1, 2, 16, 0) == TARTAN_BAD_ARGUMENT);
  CHECK(scores(TARTAN_TIERS, 2, 16, 0) == TARTAN_BAD_ARGUMENT);
  for (int32_t rows : {0, -1, 257}) CHECK(scores(0, rows, 16, 0) == TARTAN_BAD_ARGUMENT);
  for (int32_t dim : {0, -8, 7, 12, 1032}) CHECK(scores(0, 2, dim, 0) == TARTAN_BAD_ARGUMENT);
  CHECK(scores(0, 2, 16, 5) == TARTAN_BAD_ARGUMENT);
  const int16_t number = 0;
  each_tier([&](int32_t tier) {
    for (int nbits : {0, 3, 16}) {
      tartan_codec codec = s.codec;
      codec.nbits = nbits;
      CHECK(tartan_maxsim(tier, &q.view, &codec, &s.view, &none, 1, out.data()) == TARTAN_BAD_ARGUMENT);
      CHECK(tartan_compress(tier, &codec, nullptr, 0, nullptr, nullptr, nullptr) == TARTAN_BAD_ARGUMENT);
      CHECK(tartan_decompress(tier, &codec, &s.view, 0, 0, nullptr) == TARTAN_BAD_ARGUMENT);
    }
    const tartan_integer_query integers = {&s, 4, &number, &number};  // refused before anything is read
    tartan_passages tokens = s.view;
    tokens.code_bytes = 3;
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &tokens, &none, 1, out.data()) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_approximate_scores(tier, &integers, &tokens, 0, &none, 1, out.data()) ==
          TARTAN_BAD_ARGUMENT);
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, &none, -1, out.data()) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_nearest_centroids(tier, nullptr, 0, 16, nullptr, 0, &code) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_keep_best(tier, nullptr, nullptr, -1, 1, nullptr, nullptr, &count) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_candidates(tier, &integers, -1, nullptr, nullptr, 0, nullptr, nullptr, 0, &count) ==
          TARTAN_BAD_ARGUMENT);
  });
}
