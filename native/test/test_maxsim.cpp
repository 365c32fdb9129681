// maxsim, maxsim_dense, decompress, compress.
#include "fixture.h"

using namespace fixture;

namespace {

// MaxSim of one passage in double.
double naive_maxsim(const Query& q, const std::vector<std::vector<double>>& tokens) {
  if (tokens.empty()) return -kInfinity;
  double sum = 0;
  for (int r = 0; r < q.view.rows; r++) {
    double top = kNan;
    for (const auto& token : tokens) {
      double s = 0;
      for (int d = 0; d < q.view.dim; d++) s += q.values[r * q.view.dim + d] * token[d];
      if (s == s && !(s <= top)) top = s;
    }
    sum += top;
  }
  return sum;
}

bool close(double a, double b, double bound) {
  return (a != a && b != b) || a == b || std::abs(a - b) <= bound;
}

void check_maxsim(int rows, int dim, int nbits, int code_bytes, bool nan) {
  const int64_t centroids = 20;
  const int64_t passages = dim > 128 || rows > 64 ? 4 : 9;
  Segment s(dim, nbits, code_bytes, centroids, passages, code_bytes == 2 ? TARTAN_SCALED : TARTAN_UNIT);
  Query q(rows, dim, s.centroid, centroids);
  if (nan) {
    q.values[0] = kNan;
    q.fill(s.centroid);
  }
  std::vector<double> expected;
  for (int64_t p = 0; p < passages; p++) {
    std::vector<std::vector<double>> tokens;
    for (int64_t t = s.offsets[p]; t < s.offsets[p + 1]; t++) tokens.push_back(s.token(t));
    expected.push_back(naive_maxsim(q, tokens));
  }
  const Guarded<int32_t> candidates = numbers(passages);
  each_tier([&](int32_t tier) {
    Guarded<float> out(static_cast<size_t>(passages)), one(static_cast<size_t>(passages));
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, candidates.data(), passages, out.data()) == 0);
    for (int64_t p = 0; p < passages; p++) {
      CHECK(close(out[p], expected[p], 1e-5 * rows));
      CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, candidates.data() + p, 1, one.data() + p) == 0);
      CHECK(same_float(one[p], out[p]));
    }
    candidates[passages - 1] = -1;
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, candidates.data(), passages, out.data()) ==
          TARTAN_BAD_PASSAGE);
    candidates[passages - 1] = static_cast<int32_t>(passages - 1);
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, candidates.data(), 0, nullptr) == 0);
    if (s.tokens() > 0 && s.code(s.tokens() - 1) > 0) {
      tartan_codec fewer = s.codec;
      fewer.centroids = s.code(s.tokens() - 1);
      CHECK(tartan_maxsim(tier, &q.view, &fewer, &s.view, candidates.data(), passages, out.data()) ==
            TARTAN_BAD_CODE);
    }
  });
}

}  // namespace

TEST(maxsim_is_within_its_bound) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    for (int code_bytes : {2, 4}) {
      for (int rows : {1, 7, 8, 15, 17, 24, 31, 32, 33, 40, 255, 256}) {
        for (int dim : {8, 16, 64, 96, 128}) {
          check::where = "rows " + std::to_string(rows) + " dim " + std::to_string(dim) + " nbits " +
                         std::to_string(nbits);
          check_maxsim(rows, dim, nbits, code_bytes, rows == 31);
        }
      }
      check_maxsim(32, 768, nbits, code_bytes, false);
      check_maxsim(33, 1024, nbits, code_bytes, false);
    }
  }
}

TEST(maxsim_lets_a_number_win_over_nan) {
  // One token with a NaN factor among others: only it is lost.
  Segment s(16, 2, 2, 4, 3, TARTAN_SCALED);
  Query q(5, 16, s.centroid, 4);
  const int64_t t = s.offsets[2];
  if (s.offsets[3] - t < 2) return;
  s.factors[t] = 0x7e00;
  std::vector<std::vector<double>> tokens;
  for (int64_t i = t + 1; i < s.offsets[3]; i++) tokens.push_back(s.token(i));
  const Guarded<int32_t> candidate(std::vector<int32_t>{2});
  each_tier([&](int32_t tier) {
    float out;
    CHECK(tartan_maxsim(tier, &q.view, &s.codec, &s.view, candidate.data(), 1, &out) == 0);
    CHECK(close(out, naive_maxsim(q, tokens), 5e-5));
  });
}

TEST(maxsim_dense_is_the_chain) {
  for (int value_bytes : {2, 4}) {
    for (int rows : {1, 7, 8, 31, 32, 33, 255, 256}) {
      for (int dim : {8, 64, 96, 128, 768, 1024}) {
        if (rows > 33 && dim > 128) continue;
        check::where = "rows " + std::to_string(rows) + " dim " + std::to_string(dim) + " bytes " +
                       std::to_string(value_bytes);
        const int64_t passages = 5;
        const Guarded<int64_t> offsets = Segment::make_offsets(passages);
        const int64_t tokens = offsets[passages];
        const Guarded<float> wide = unit_rows(tokens, dim);
        Guarded<uint16_t> narrow(value_bytes == 2 ? wide.size() : 0);
        for (size_t i = 0; i < narrow.size(); i++) {
          narrow[i] = static_cast<uint16_t>((source() & 0x8000) | static_cast<uint64_t>(pick(0x3000)));
          wide[i] = static_cast<float>(half_value(narrow[i]));
        }
        Query q(rows, dim, wide, 0);
        if (rows == 7) q.values[3] = kNan;
        const tartan_dense dense = {passages, offsets.data(),
                                    value_bytes == 2 ? static_cast<void*>(narrow.data()) : wide.data(),
                                    value_bytes, dim};
        Guarded<float> expected(passages);
        for (int64_t p = 0; p < passages; p++) {
          expected[p] = offsets[p] == offsets[p + 1] ? -kInfinity : 0;
          for (int r = 0; r < rows && offsets[p] < offsets[p + 1]; r++) {
            float top = kNan;
            for (int64_t t = offsets[p]; t < offsets[p + 1]; t++) {
              const float x = chain_dot(q.values.data() + r * dim, wide.data() + t * dim, dim);
              if (x == x && !(x <= top)) top = x;
            }
            expected[p] += top;
          }
        }
        const Guarded<int32_t> candidates = numbers(passages);
        each_tier([&](int32_t tier) {
          Guarded<float> out(passages);
          CHECK(tartan_maxsim_dense(tier, &q.view, &dense, candidates.data(), passages, out.data()) == 0);
          for (int64_t p = 0; p < passages; p++) CHECK(same_float(out[p], expected[p]));
          candidates[0] = 5;
          CHECK(tartan_maxsim_dense(tier, &q.view, &dense, candidates.data(), 1, out.data()) ==
                TARTAN_BAD_PASSAGE);
          candidates[0] = 0;
        });
      }
    }
  }
}

TEST(float16_values_are_read_exactly) {
  // Every float16 as a scale, seen through a one-hot token: 8 dims, centroid (1, 0, ...), weight of d = 1
  // only.
  const Guarded<int64_t> offsets(std::vector<int64_t>{0, 1});
  const Guarded<int32_t> candidate(std::vector<int32_t>{0});
  const Guarded<float> value(std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0});
  const tartan_query query = {1, 8, value.data(), nullptr, nullptr};
  each_tier([&](int32_t tier) {
    for (uint32_t h = 0; h < 0x10000; h++) {
      const Guarded<uint16_t> row(h % 4096 ? 0 : 8);  // a guard page now and then
      uint16_t plain[8] = {};
      uint16_t* p = row.size() ? row.data() : plain;
      p[0] = static_cast<uint16_t>(h);
      const tartan_dense dense = {1, offsets.data(), p, 2, 8};
      float out;
      CHECK(tartan_maxsim_dense(tier, &query, &dense, candidate.data(), 1, &out) == 0);
      CHECK(same_float(out + 0.0f, static_cast<float>(half_value(static_cast<uint16_t>(h))) + 0.0f));
    }
  });
}

TEST(decompress_is_within_its_bound) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    for (int code_bytes : {2, 4}) {
      for (int dim : {8, 24, 64, 96, 128, 768, 1024}) {
        check::where = "dim " + std::to_string(dim) + " nbits " + std::to_string(nbits);
        Segment s(dim, nbits, code_bytes, 10, 4, code_bytes == 4 ? TARTAN_SCALED : TARTAN_UNIT);
        each_tier([&](int32_t tier) {
          const int64_t n = s.tokens();
          Guarded<float> out(static_cast<size_t>(n * dim));
          const int64_t cut = pick(n + 1);
          CHECK(tartan_decompress(tier, &s.codec, &s.view, cut, n, out.data() + cut * dim) == 0);
          CHECK(tartan_decompress(tier, &s.codec, &s.view, 0, cut, out.data()) == 0);
          for (int64_t t = 0; t < n; t++) {
            const std::vector<double> expected = s.token(t);
            for (int d = 0; d < dim; d++) CHECK(std::abs(out[t * dim + d] - expected[d]) <= 1e-6);
          }
          if (n > 0 && s.code(0) > 0) {
            tartan_codec fewer = s.codec;
            fewer.centroids = s.code(0);
            CHECK(tartan_decompress(tier, &fewer, &s.view, 0, n, out.data()) == TARTAN_BAD_CODE);
          }
        });
      }
    }
  }
}

TEST(compress_counts_the_cutoffs_below) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    for (int dim : {8, 64, 96, 128, 768, 1024}) {
      check::where = "dim " + std::to_string(dim) + " nbits " + std::to_string(nbits);
      Segment s(dim, nbits, 4, 7, 3, TARTAN_UNIT);
      if (nbits > 1) s.cutoffs[1] = s.cutoffs[0];
      const int64_t n = 9;
      const Guarded<float> rows = unit_rows(n, dim);
      Guarded<int32_t> codes(n);
      for (int64_t i = 0; i < n; i++) codes[i] = static_cast<int32_t>(pick(7));
      rows[3] = kNan;
      rows[4] = kInfinity;
      rows[5] = s.centroid[codes[0] * dim + 5] + s.cutoffs[0];  // on or next to a cutoff
      each_tier([&](int32_t tier) {
        Guarded<uint8_t> out(static_cast<size_t>(n * dim * nbits / 8));
        CHECK(tartan_compress(tier, &s.codec, rows.data(), 4, codes.data(), out.data(), nullptr) == 0);
        CHECK(tartan_compress(tier, &s.codec, rows.data() + 4 * dim, n - 4, codes.data() + 4,
                              out.data() + 4 * dim * nbits / 8, nullptr) == 0);
        for (int64_t i = 0; i < n * dim; i++) {
          const float x = rows[i] - s.centroid[codes[i / dim] * dim + i % dim];
          int below = 0;
          for (size_t k = 0; k < s.cutoffs.size(); k++) below += s.cutoffs[k] < x;
          CHECK(bits_at(out.data(), i * nbits, nbits) == below);
        }
        codes[n - 1] += 7;
        CHECK(tartan_compress(tier, &s.codec, rows.data(), n, codes.data(), out.data(), nullptr) ==
              TARTAN_BAD_CODE);
        codes[n - 1] -= 7;
      });
    }
  }
}

TEST(compress_gives_the_factor_of_each_form) {
  for (int form : {TARTAN_UNIT, TARTAN_SCALED}) {
    for (int nbits : {1, 2, 3, 4, 8}) {
      for (int dim : {8, 64, 128, 1024}) {
        check::where = "dim " + std::to_string(dim) + " nbits " + std::to_string(nbits);
        Segment s(dim, nbits, 4, 7, 3, form);
        const int64_t n = 9;
        const Guarded<float> rows = unit_rows(n, dim);
        Guarded<int32_t> codes(n);
        for (int64_t i = 0; i < n; i++) codes[i] = static_cast<int32_t>(pick(7));
        memcpy(&rows[0], &s.centroid[codes[0] * dim], static_cast<size_t>(dim) * 4);  // no residual at all
        Guarded<uint8_t> first(static_cast<size_t>(n * dim * nbits / 8));
        Guarded<uint16_t> first_factors(n);
        each_tier([&](int32_t tier) {
          Guarded<uint8_t> out(first.size());
          Guarded<uint16_t> factors(n);
          CHECK(tartan_compress(tier, &s.codec, rows.data(), n, codes.data(), out.data(), factors.data()) ==
                0);
          if (tier == TARTAN_SCALAR) {
            memcpy(first.data(), out.data(), out.size());
            memcpy(first_factors.data(), factors.data(), n * sizeof(uint16_t));
          }
          CHECK(out.same_bits(first) && factors.same_bits(first_factors));
          for (int64_t i = 0; i < n; i++) {
            double residual = 0, squares = 0, norm = 0;
            for (int64_t d = 0; d < dim; d++) {
              const double w = s.weights[bits_at(out.data(), (i * dim + d) * nbits, nbits)];
              const double c = s.centroid[codes[i] * dim + d];
              residual += (rows[i * dim + d] - c) * (rows[i * dim + d] - c);
              squares += w * w;
              norm += (c + w) * (c + w);
            }
            const double expected =
                form == TARTAN_SCALED ? std::sqrt(residual / squares) : 1 / std::sqrt(norm);
            CHECK(std::abs(half_value(factors[i]) - expected) <= std::abs(expected) * 6e-4 + 1e-7);
          }
        });
      }
    }
  }
}
