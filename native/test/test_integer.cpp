// The search stages in integers: quantise_centroids, quantise_query, integer_scores, candidates,
// approximate_scores, integer_maxsim, rescore.
#include <algorithm>
#include <map>

#include "fixture.h"

using namespace fixture;

namespace {

int64_t lanes_of(int64_t rows) { return (rows + 31) / 32 * 32; }

// A query in integers, made by one tier.
struct Integers {
  Integers(int32_t tier, const Query& q, const Guarded<float>& centroid, const tartan_codec* codec)
      : values(centroid.size()),
        block(static_cast<size_t>(
            tartan_integer_query_bytes(q.view.rows, q.view.dim, codec ? codec->nbits : 0))),
        scores(static_cast<size_t>(lanes_of(q.view.rows) * static_cast<int64_t>(q.best.size()))),
        best(q.best.size()) {
    const int64_t centroids = static_cast<int64_t>(best.size());
    grid = {centroids, q.view.dim, 0, 0, 0, values.data()};
    CHECK(tartan_quantise_centroids(tier, centroid.data(), centroids, q.view.dim, values.data(), &grid.steps,
                                    &grid.reach) == 0);
    CHECK(tartan_quantise_query(tier, &q.view, &grid, codec, block.data()) == 0);
    view = {block.data(), centroids, scores.data(), best.data()};
    const int64_t cut = pick(centroids + 1);
    CHECK(tartan_integer_scores(tier, &view, &grid, cut, centroids, scores.data(), best.data()) == 0);
    CHECK(tartan_integer_scores(tier, &view, &grid, 0, cut, scores.data(), best.data()) == 0);
  }
  Guarded<uint8_t> values, block;
  Guarded<int16_t> scores, best;
  tartan_grid grid;
  tartan_integer_query view;
};

// The unit of the scores, from a row of the greatest score.
double unit_of(const Query& q, const Integers& x) {
  double most = 0, unit = 0;
  for (size_t c = 0; c < q.best.size(); c++) {
    for (int r = 0; r < q.view.rows; r++) {
      const double score = x.scores[c * static_cast<size_t>(lanes_of(q.view.rows)) + static_cast<size_t>(r)];
      if (score > most) {
        most = score;
        unit = q.scores[c * static_cast<size_t>(q.view.rows) + static_cast<size_t>(r)] / score;
      }
    }
  }
  return unit;
}

// What a step of a score stands for: 1.1 times the longest row in 32767 steps.
float unit_without_tables(const Query& q) {
  float longest = 0;
  for (int r = 0; r < q.view.rows; r++) {
    float half[2] = {0, 0};
    for (int d = 0; d < q.view.dim; d++) {
      half[d >> 1 & 1] += q.values[r * q.view.dim + d] * q.values[r * q.view.dim + d];
    }
    longest = std::max(longest, std::sqrt(half[0] + half[1]));
  }
  return longest * 1.1f / 32767.0f;
}

}  // namespace

TEST(integer_scores_are_equal_in_every_tier_and_near_the_float_ones) {
  for (int rows : {1, 7, 8, 16, 31, 32, 33, 64, 65, 255, 256}) {
    for (int dim : {8, 24, 64, 96, 128, 768, 1024}) {
      if (rows > 33 && dim > 128 && !(rows == 255 && dim == 768)) continue;
      check::where = "rows " + std::to_string(rows) + " dim " + std::to_string(dim);
      const int64_t centroids = 1 + pick(15);
      const Guarded<float> centroid = unit_rows(centroids, dim);
      if (rows % 2) centroid[0] = kNan;
      Query q(rows, dim, centroid, centroids);
      // The hardest case for 16-bit sums: a row that is a centroid.
      memcpy(q.values.data(), centroid.data() + (centroids - 1) * dim,
             static_cast<size_t>(dim) * sizeof(float));
      q.fill(centroid);
      const Integers base(TARTAN_SCALAR, q, centroid, nullptr);
      const double unit = unit_of(q, base);
      for (int64_t c = rows % 2; c < centroids; c++) {
        int top = -32768;
        for (int64_t r = 0; r < lanes_of(rows); r++) {
          const int score = base.scores[c * lanes_of(rows) + r];
          if (r >= rows) {
            CHECK(score == -32768);
          } else {
            CHECK(std::abs(score * unit - q.scores[c * rows + r]) < 0.04);
          }
          top = std::max(top, score);
        }
        CHECK(base.best[c] == top);
      }
      each_tier([&](int32_t tier) {
        const Integers other(tier, q, centroid, nullptr);
        CHECK(other.values.same_bits(base.values));
        CHECK(other.grid.steps == base.grid.steps && other.grid.reach == base.grid.reach);
        CHECK(other.block.same_bits(base.block));
        CHECK(other.scores.same_bits(base.scores));
        CHECK(other.best.same_bits(base.best));
      });
    }
  }
}

TEST(integer_scores_of_odd_queries_stay_finite) {
  const Guarded<float> centroid = unit_rows(9, 16);
  for (float value : {kNan, kInfinity, 1e30f, 1e-30f, 0.0f, 3e17f}) {
    Query q(3, 16, centroid, 9);
    for (int d = 0; d < 16; d++) q.values[d] = value;
    const Integers base(TARTAN_SCALAR, q, centroid, nullptr);
    each_tier(
        [&](int32_t tier) { CHECK(Integers(tier, q, centroid, nullptr).scores.same_bits(base.scores)); });
  }
}

namespace {

// The passages found with their scores in steps.
std::map<int32_t, int> naive_candidates(const Integers& x, int rows, int nprobe,
                                        const std::vector<std::vector<int32_t>>& lists) {
  std::map<int32_t, int> found;
  std::vector<std::map<int32_t, int>> best(static_cast<size_t>(rows));
  int base = 0;
  for (int r = 0; r < rows; r++) {
    std::vector<int64_t> order;
    for (int64_t c = 0; c < x.view.centroids; c++) order.push_back(c);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return x.scores[a * lanes_of(rows) + r] > x.scores[b * lanes_of(rows) + r];
    });
    const size_t probed = std::min(order.size(), static_cast<size_t>(nprobe));
    if (probed == 0) return found;
    const auto score = [&](size_t k) { return x.scores[order[k] * lanes_of(rows) + r]; };
    base += score(probed - 1);
    for (size_t k = 0; k < probed; k++) {
      for (int32_t passage : lists[order[k]]) {
        if (best[r].emplace(passage, score(k)).second) found[passage] += score(k) - score(probed - 1);
      }
    }
  }
  for (auto& [passage, score] : found) score += base;
  return found;
}

}  // namespace

TEST(candidates_come_from_the_best_centroids) {
  for (int rows : {1, 7, 8, 31, 32, 33, 256}) {
    for (int nprobe : {0, 1, 2, 5, 1000}) {
      check::where = "rows " + std::to_string(rows) + " nprobe " + std::to_string(nprobe);
      const int64_t centroids = 1 + pick(200);
      const int64_t passages = 1 + pick(500);
      const Guarded<float> centroid = unit_rows(centroids, 8);
      const Query q(rows, 8, centroid, centroids);
      const Integers x(TARTAN_SCALAR, q, centroid, nullptr);
      const float unit = unit_without_tables(q);
      // Few distinct scores, so that ties abound.
      for (int64_t c = 0; c < centroids; c++) {
        for (int r = 0; r < rows; r++) {
          const int64_t kind = pick(12);
          x.scores[c * lanes_of(rows) + r] = static_cast<int16_t>(kind == 0   ? -32767
                                                                  : kind == 1 ? 32767
                                                                              : pick(10) - 5);
        }
        const int16_t* of_centroid = &x.scores[c * lanes_of(rows)];
        x.best[c] = *std::max_element(of_centroid, of_centroid + rows);
      }
      std::vector<std::vector<int32_t>> lists(centroids);
      std::vector<int64_t> offsets = {0};
      std::vector<int32_t> flat;
      for (auto& list : lists) {
        for (int64_t k = pick(4); k > 0; k--) list.push_back(static_cast<int32_t>(pick(passages)));
        flat.insert(flat.end(), list.begin(), list.end());
        offsets.push_back(static_cast<int64_t>(flat.size()));
      }
      const Guarded<int64_t> list_offsets(offsets);
      const Guarded<int32_t> list_passages(flat);
      const std::map<int32_t, int> expected = naive_candidates(x, rows, nprobe, lists);
      each_tier([&](int32_t tier) {
        Guarded<uint64_t> scratch(static_cast<size_t>((passages + 63) / 64 + (passages + 1) / 2));
        for (size_t i = 0; i < scratch.size(); i++) scratch[i] = ~uint64_t{0};
        Guarded<int32_t> out(expected.size());
        Guarded<float> scores(expected.size());
        int64_t count = -1;
        const int64_t n = static_cast<int64_t>(expected.size());
        const uint64_t* allowed = nullptr;
        auto call = [&](int64_t capacity) {
          return tartan_candidates(tier, &x.view, nprobe, list_offsets.data(), list_passages.data(), passages,
                                   allowed, scratch.data(), out.data(), scores.data(), capacity, &count);
        };
        CHECK(call(n) == TARTAN_OK && count == n);
        int64_t i = 0;
        for (const auto& [passage, score] : expected) {
          CHECK(out[i] == passage && scores[i] == static_cast<float>(score) * unit);
          i++;
        }
        if (n > 0) CHECK(call(n - 1) == TARTAN_NO_CAPACITY && count == n - 1);
        for (uint64_t density : {0, 1, 2}) {  // none, some, all; bits beyond the passages are set
          Guarded<uint64_t> bits(static_cast<size_t>((passages + 63) / 64));
          for (size_t w = 0; w < bits.size(); w++) {
            bits[w] = density == 2   ? ~uint64_t{0}
                      : density == 1 ? static_cast<uint64_t>(pick(1 << 30)) * 0x9e3779b97f4a7c15
                                     : 0;
          }
          if (passages % 64) bits[bits.size() - 1] |= ~uint64_t{0} << passages % 64;
          allowed = bits.data();
          CHECK(call(n) == TARTAN_OK);
          int64_t written = 0;
          for (const auto& [passage, score] : expected) {
            if (!(bits[passage / 64] >> passage % 64 & 1)) continue;
            CHECK(out[written] == passage && scores[written] == static_cast<float>(score) * unit);
            written++;
          }
          CHECK(count == written);
          allowed = nullptr;
        }
        if (!flat.empty() && nprobe == 1000 && n > 0) {
          for (size_t i = 0; i < flat.size(); i++) {  // every list is probed, so every damage is found
            const int32_t real = list_passages[i];
            list_passages[i] = i % 2 ? -1 : static_cast<int32_t>(passages);
            CHECK(call(n) == TARTAN_BAD_PASSAGE);
            list_passages[i] = real;
          }
        }
      });
    }
  }
}

TEST(approximate_scores_are_the_pruned_maxima) {
  for (int rows : {1, 7, 8, 9, 16, 31, 32, 33, 40, 255, 256}) {
    for (int code_bytes : {2, 4}) {
      check::where = "rows " + std::to_string(rows) + " code_bytes " + std::to_string(code_bytes);
      const Segment s(8, 2, code_bytes, 50, 20, TARTAN_SCALED);
      const Query q(rows, 8, s.centroid, 50);
      const Integers x(TARTAN_SCALAR, q, s.centroid, nullptr);
      const float unit = unit_without_tables(q);
      const Guarded<int32_t> candidates = numbers(20);
      for (float threshold : {-kInfinity, -0.5f, 0.3f, 0.6f, 2.0f}) {
        Guarded<float> expected(20);
        for (int64_t p = 0; p < 20; p++) {
          std::vector<int> top(static_cast<size_t>(rows), -32768);
          bool any = false;
          for (int64_t t = s.offsets[p]; t < s.offsets[p + 1]; t++) {
            if (!(static_cast<float>(x.best[s.code(t)]) >= std::ceil(threshold / unit))) continue;
            any = true;
            for (int r = 0; r < rows; r++) {
              top[r] = std::max<int>(top[r], x.scores[s.code(t) * lanes_of(rows) + r]);
            }
          }
          int sum = 0;
          for (int score : top) sum += score;
          expected[p] = any ? static_cast<float>(sum) * unit : -kInfinity;
        }
        each_tier([&](int32_t tier) {
          Guarded<float> out(20);
          auto call = [&](int64_t n) {
            return tartan_approximate_scores(tier, &x.view, &s.view, threshold, candidates.data(), n,
                                             out.data());
          };
          CHECK(call(20) == 0);
          for (int64_t p = 0; p < 20; p++) {
            CHECK(out[p] == expected[p] || std::abs(out[p] - expected[p]) < 1e-5f * static_cast<float>(rows));
          }
          CHECK(call(0) == 0);
          candidates[19] = 20;
          CHECK(call(20) == TARTAN_BAD_PASSAGE);
          candidates[19] = 19;
          if (s.tokens() > 0) {
            // As if the centroids ended before the last token's code.
            tartan_integer_query fewer = x.view;
            fewer.centroids = s.code(s.tokens() - 1);
            CHECK(tartan_approximate_scores(tier, &fewer, &s.view, threshold, candidates.data(), 20,
                                            out.data()) == TARTAN_BAD_CODE);
          }
        });
      }
    }
  }
}

namespace {

double exact_maxsim(const Segment& s, const Query& q, int64_t passage) {
  if (s.offsets[passage] == s.offsets[passage + 1]) return -kInfinity;
  double sum = 0;
  for (int r = 0; r < q.view.rows; r++) {
    double top = -kInfinity;
    for (int64_t t = s.offsets[passage]; t < s.offsets[passage + 1]; t++) {
      const std::vector<double> token = s.token(t);
      double dot = 0;
      for (int d = 0; d < q.view.dim; d++) dot += q.values[r * q.view.dim + d] * token[d];
      top = std::max(top, dot);
    }
    sum += top;
  }
  return sum;
}

// The float16 nearest to x, which is near 1.
uint16_t half_of(double x) {
  int exponent;
  const double significand = std::frexp(x, &exponent);
  return static_cast<uint16_t>((exponent + 14) * 1024 + static_cast<int>(std::lround(significand * 2048)) -
                               1024);
}

// The inverse norms that a segment of the unit form has with it.
void fill_inverse_norms(Segment& s) {
  for (int64_t t = 0; t < s.tokens(); t++) {
    double squares = 0;
    for (int64_t d = 0; d < s.codec.dim; d++) {
      const double x = s.centroid[s.code(t) * s.codec.dim + d] + s.weights[s.bucket(t, d)];
      squares += x * x;
    }
    s.factors[t] = half_of(1 / std::sqrt(squares));
  }
  s.view.factors = s.factors.data();
}

void check_integer_maxsim(int rows, int dim, int nbits, int code_bytes, bool scaled) {
  const int64_t centroids = 20;
  const int64_t passages = dim > 128 || rows > 64 ? 4 : 9;
  Segment s(dim, nbits, code_bytes, centroids, passages, scaled ? TARTAN_SCALED : TARTAN_UNIT);
  if (!scaled) fill_inverse_norms(s);
  const Query q(rows, dim, s.centroid, centroids);
  const Guarded<int32_t> candidates = numbers(passages);
  const Integers base(TARTAN_SCALAR, q, s.centroid, &s.codec);
  Guarded<float> expected(static_cast<size_t>(passages));
  CHECK(tartan_integer_maxsim(TARTAN_SCALAR, &base.view, &s.codec, &s.view, candidates.data(), passages,
                              expected.data()) == 0);
  each_tier([&](int32_t tier) {
    const Integers x(tier, q, s.centroid, &s.codec);
    CHECK(x.block.same_bits(base.block));
    Guarded<float> out(static_cast<size_t>(passages)), exact(static_cast<size_t>(passages));
    CHECK(tartan_integer_maxsim(tier, &x.view, &s.codec, &s.view, candidates.data(), passages, out.data()) ==
          0);
    CHECK(out.same_bits(expected));
    CHECK(tartan_rescore(tier, &q.view, &x.view, &s.codec, &s.view, candidates.data(), passages,
                         exact.data()) == 0);
    for (int64_t p = 0; p < passages; p++) {
      const double sum = exact_maxsim(s, q, p);
      const double bound = (nbits > 2 ? 0.015 : 0.03) * (dim < 64 ? 3 : 1);
      CHECK(out[p] == sum || std::abs(out[p] - sum) < bound * rows);
      CHECK(exact[p] == sum || std::abs(exact[p] - sum) < 1e-5 * rows);
    }
    candidates[passages - 1] = -1;
    CHECK(tartan_integer_maxsim(tier, &x.view, &s.codec, &s.view, candidates.data(), passages, out.data()) ==
          TARTAN_BAD_PASSAGE);
    CHECK(tartan_rescore(tier, &q.view, &x.view, &s.codec, &s.view, candidates.data(), passages,
                         out.data()) == TARTAN_BAD_PASSAGE);
    candidates[passages - 1] = static_cast<int32_t>(passages - 1);
    if (s.tokens() > 0 && s.code(s.tokens() - 1) > 0) {
      tartan_integer_query fewer = x.view;
      fewer.centroids = s.code(s.tokens() - 1);
      CHECK(tartan_integer_maxsim(tier, &fewer, &s.codec, &s.view, candidates.data(), passages, out.data()) ==
            TARTAN_BAD_CODE);
      CHECK(tartan_rescore(tier, &q.view, &fewer, &s.codec, &s.view, candidates.data(), passages,
                           out.data()) == TARTAN_BAD_CODE);
    }
  });
}

}  // namespace

TEST(integer_maxsim_is_equal_in_every_tier_and_rescored_to_float) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    for (bool scaled : {false, true}) {
      for (int rows : {1, 7, 16, 31, 32, 33, 64, 255, 256}) {
        for (int dim : {8, 16, 64, 72, 96, 128}) {
          check::where = "rows " + std::to_string(rows) + " dim " + std::to_string(dim) + " nbits " +
                         std::to_string(nbits) + (scaled ? " scaled" : " unit");
          check_integer_maxsim(rows, dim, nbits, rows % 2 ? 2 : 4, scaled);
        }
      }
      check::where = "wide, nbits " + std::to_string(nbits) + (scaled ? " scaled" : " unit");
      check_integer_maxsim(32, 768, nbits, 2, scaled);
      check_integer_maxsim(33, 1024, nbits, 4, scaled);
    }
  }
}

TEST(integer_maxsim_of_a_pair_is_that_of_each) {
  for (int nbits : {1, 2, 3, 4, 8}) {
    for (bool scaled : {false, true}) {
      for (int dim : {8, 24, 72, 128, 256}) {
        check::where =
            "dim " + std::to_string(dim) + " nbits " + std::to_string(nbits) + (scaled ? " scaled" : " unit");
        const int64_t passages = 9;
        Segment s(dim, nbits, 2, 20, passages, scaled ? TARTAN_SCALED : TARTAN_UNIT);
        if (!scaled) fill_inverse_norms(s);
        const Query a(1 + static_cast<int>(pick(16)), dim, s.centroid, 20), b(16, dim, s.centroid, 20);
        const Query wide(17, dim, s.centroid, 20);
        const Guarded<int32_t> candidates = numbers(passages);
        each_tier([&](int32_t tier) {
          const Integers x(tier, a, s.centroid, &s.codec), y(tier, b, s.centroid, &s.codec);
          const Integers z(tier, wide, s.centroid, &s.codec);
          const size_t n = static_cast<size_t>(passages);
          Guarded<float> first(n), second(n), alone(n);
          auto pair = [&](const Integers& one, const Integers& other) {
            return tartan_integer_maxsim_pair(tier, &one.view, &other.view, &s.codec, &s.view,
                                              candidates.data(), passages, first.data(), second.data());
          };
          CHECK(pair(x, z) == TARTAN_BAD_ARGUMENT && pair(z, x) == TARTAN_BAD_ARGUMENT);
          CHECK(pair(x, y) == 0);
          for (const Integers* each : {&x, &y}) {
            CHECK(tartan_integer_maxsim(tier, &each->view, &s.codec, &s.view, candidates.data(), passages,
                                        alone.data()) == 0);
            CHECK(alone.same_bits(each == &x ? first : second));
          }
          candidates[n - 1] = -1;
          CHECK(pair(x, y) == TARTAN_BAD_PASSAGE);
          candidates[n - 1] = static_cast<int32_t>(passages - 1);
        });
      }
    }
  }
}

TEST(integer_maxsim_errs_as_the_header_states) {
  for (int form : {TARTAN_UNIT, TARTAN_SCALED}) {
    for (int nbits : {1, 2, 3, 4, 8}) {
      check::where = "nbits " + std::to_string(nbits) + " form " + std::to_string(form);
      Segment s(128, nbits, 4, 30, 60, form);
      if (form == TARTAN_UNIT) fill_inverse_norms(s);
      const Guarded<int32_t> candidates = numbers(60);
      double squares = 0;
      int64_t n = 0;
      for (int i = 0; i < 20; i++) {
        const Query q(1, 128, s.centroid, 30);
        const Integers x(TARTAN_SCALAR, q, s.centroid, &s.codec);
        Guarded<float> out(60);
        CHECK(tartan_integer_maxsim(TARTAN_SCALAR, &x.view, &s.codec, &s.view, candidates.data(), 60,
                                    out.data()) == 0);
        for (int64_t p = 0; p < 60; p++) {
          if (out[p] == -kInfinity) continue;
          const double off = out[p] - exact_maxsim(s, q, p);
          squares += off * off;
          n++;
        }
      }
      const double deviation = std::sqrt(squares / static_cast<double>(n));
      CHECK(deviation < 0.003);
    }
  }
}
