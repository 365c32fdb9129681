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

void check_sketch(int32_t tier, const Guarded<float>& rows, int64_t n, int dim,
                  const Guarded<float>& centroid, int64_t centroids, const Guarded<int32_t>& expected) {
  const Guarded<char> sketch(static_cast<size_t>(tartan_centroid_sketch_bytes(tier, dim, centroids)));
  CHECK(tartan_sketch_centroids(tier, centroid.data(), centroids, dim, rows.data(), n, sketch.data()) == 0);
  const Guarded<int32_t> codes(static_cast<size_t>(n));
  CHECK(tartan_nearest_centroids(tier, rows.data(), n, dim, centroid.data(), centroids, sketch.data(),
                                 codes.data()) == 0);
  CHECK(codes.same_bits(expected));
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
    CHECK(tartan_nearest_centroids(tier, rows.data(), cut, dim, centroid.data(), centroids, nullptr,
                                   codes.data()) == 0);
    CHECK(tartan_nearest_centroids(tier, rows.data() + cut * dim, n - cut, dim, centroid.data(), centroids,
                                   nullptr, codes.data() + cut) == 0);
    CHECK(codes.same_bits(expected));
    check_sketch(tier, rows, n, dim, centroid, centroids, expected);
  });
}

int64_t smaller_of(int64_t a, int64_t b) { return a < b ? a : b; }

// Rows near centroids, most of their energy in a few directions, as token embeddings have it: what a sketch
// is for. `spread` is how far rows are from their centroid.
void check_clustered(int64_t n, int dim, int64_t centroids, float spread) {
  check::where = "clustered, n " + std::to_string(n) + " dim " + std::to_string(dim) + " centroids " +
                 std::to_string(centroids) + " spread " + std::to_string(spread);
  const Guarded<float> centroid = unit_rows(centroids, dim);
  for (int64_t c = 0; c < centroids; c++) {
    double norm = 0;
    for (int d = 0; d < dim; d++) {
      centroid[c * dim + d] *= std::exp(-0.05f * static_cast<float>(d));
      norm += static_cast<double>(centroid[c * dim + d]) * centroid[c * dim + d];
    }
    for (int d = 0; d < dim; d++) centroid[c * dim + d] /= static_cast<float>(std::sqrt(norm));
  }
  // Equal ones, more than verification keeps, and some that differ in one last bit.
  for (int64_t c = 1; c < smaller_of(centroids, 40); c++) {
    memcpy(&centroid[c * dim], &centroid[0], static_cast<size_t>(dim) * 4);
  }
  for (int64_t c = centroids / 2; c + 1 < centroids; c += 5) {
    memcpy(&centroid[(c + 1) * dim], &centroid[c * dim], static_cast<size_t>(dim) * 4);
    float& x = centroid[(c + 1) * dim + pick(dim)];
    x = std::nextafter(x, pick(2) ? 2.0f : -2.0f);
  }
  const Guarded<float> rows(static_cast<size_t>(n * dim));
  for (int64_t i = 0; i < n; i++) {
    const int64_t c = i % 7 == 0 ? 0 : pick(centroids);
    const float length = i % 5 == 0 ? std::ldexp(1.0f, static_cast<int>(pick(60)) - 30) : 1;
    for (int d = 0; d < dim; d++) {
      rows[i * dim + d] =
          length * (centroid[c * dim + d] + spread * uniform() / std::sqrt(static_cast<float>(dim)));
    }
  }
  for (int64_t i = 3; i < n; i += 11) {  // rows that only float holds
    const float odd[] = {0, kNan, kInfinity, 1e30f, 1e-30f};
    for (int d = 0; d < dim; d++) rows[i * dim + d] = i % 2 ? odd[i % 5] * rows[i * dim + d] : odd[i % 5];
  }
  const Guarded<int32_t> expected = naive_codes(rows, n, dim, centroid, centroids);
  each_tier([&](int32_t tier) { check_sketch(tier, rows, n, dim, centroid, centroids, expected); });
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

TEST(a_sketch_changes_no_code) {
  for (float spread : {0.0f, 0.3f, 1.0f, 4.0f}) {
    for (int dim : {8, 16, 24, 64, 96, 128, 136, 1024}) {
      check_clustered(60, dim, dim > 200 ? 150 : 600, spread);
    }
  }
  for (int64_t centroids : {1, 2, 15, 17, 63, 64, 65, 129}) check_clustered(30, 64, centroids, 0.5f);
  check_clustered(1500, 128, 3000, 0.7f);
}

TEST(a_sketch_of_centroids_that_bytes_do_not_hold_changes_no_code) {
  for (float odd : {0.0f, 1e-30f, 1e30f, kInfinity, kNan}) {
    for (bool all : {false, true}) {
      check::where = "odd " + std::to_string(odd) + (all ? " all" : " one");
      const int dim = 128;
      const Guarded<float> rows = unit_rows(50, dim);
      const Guarded<float> centroid = unit_rows(500, dim);
      for (int64_t c = all ? 0 : 77; c < (all ? 500 : 78); c++) {
        for (int d = 0; d < dim; d++) centroid[c * dim + d] *= odd;
      }
      const Guarded<int32_t> expected = naive_codes(rows, 50, dim, centroid, 500);
      each_tier([&](int32_t tier) { check_sketch(tier, rows, 50, dim, centroid, 500, expected); });
    }
  }
}

TEST(nearest_centroids_accept_a_greatest_product_of_minus_infinity) {
  const Guarded<float> rows(std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0});
  Guarded<float> centroid(24);
  centroid[0] = kNan;
  centroid[8] = centroid[16] = -kInfinity;
  each_tier([&](int32_t tier) {
    int32_t code = -1;
    CHECK(tartan_nearest_centroids(tier, rows.data(), 1, 8, centroid.data(), 3, nullptr, &code) == 0 &&
          code == 1);
    CHECK(tartan_nearest_centroids(tier, rows.data(), 1, 8, centroid.data(), 1, nullptr, &code) == 0 &&
          code == 0);
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
    for (int nbits : {0, 5, 16}) {
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
    CHECK(tartan_nearest_centroids(tier, nullptr, 0, 16, nullptr, 0, nullptr, &code) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_keep_best(tier, nullptr, nullptr, -1, 1, nullptr, nullptr, &count) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_cut(tier, nullptr, nullptr, -1, 1, nullptr, nullptr, &count) == TARTAN_BAD_ARGUMENT);
    CHECK(tartan_candidates(tier, &integers, -1, nullptr, nullptr, 0, nullptr, nullptr, nullptr, nullptr, 0,
                            &count) == TARTAN_BAD_ARGUMENT);
  });
}
