// centroid_scores, candidates, approximate_scores, keep_best.
#include <algorithm>
#include <set>

#include "fixture.h"

using namespace fixture;

namespace {

const int kRowCounts[] = {1, 7, 8, 9, 16, 31, 32, 33, 40, 255, 256};
const int kDims[] = {8, 24, 64, 96, 128, 768, 1024};

}  // namespace

TEST(centroid_scores_are_the_chain_in_every_tier_and_split) {
  for (int rows : kRowCounts) {
    for (int dim : kDims) {
      if (rows > 33 && dim > 128 && !(rows == 255 && dim == 768)) continue;
      check::where = "rows " + std::to_string(rows) + " dim " + std::to_string(dim);
      const int64_t centroids = 1 + pick(15);
      const Guarded<float> centroid = unit_rows(centroids, dim);
      Query q(rows, dim, centroid, centroids);
      if (rows % 2) q.values[0] = kNan;
      q.fill(centroid);
      each_tier([&](int32_t tier) {
        Guarded<float> scores(q.scores.size()), best(q.best.size());
        const int64_t cut = pick(centroids + 1);
        CHECK(tartan_centroid_scores(tier, &q.view, centroid.data(), cut, centroids, scores.data(),
                                     best.data()) == 0);
        for (int64_t i = 0; i < cut * rows; i++) CHECK(scores[i] == 0);
        CHECK(tartan_centroid_scores(tier, &q.view, centroid.data(), 0, cut, scores.data(), best.data()) ==
              0);
        for (size_t i = 0; i < scores.size(); i++) CHECK(same_float(scores[i], q.scores[i]));
        CHECK(best.same_bits(q.best));
      });
    }
  }
}

TEST(centroid_scores_of_a_nan_query_leave_best_at_minus_infinity) {
  const Guarded<float> centroid = unit_rows(9, 16);
  Query q(3, 16, centroid, 9);
  for (size_t i = 0; i < q.values.size(); i++) q.values[i] = kNan;
  each_tier([&](int32_t tier) {
    CHECK(tartan_centroid_scores(tier, &q.view, centroid.data(), 0, 9, q.scores.data(), q.best.data()) == 0);
    for (size_t c = 0; c < 9; c++) CHECK(q.best[c] == -kInfinity);
  });
}

namespace {

std::vector<int32_t> naive_candidates(const Query& q, int64_t centroids, int nprobe,
                                      const std::vector<std::vector<int32_t>>& lists) {
  std::set<int32_t> found;
  for (int r = 0; r < q.view.rows; r++) {
    std::vector<int64_t> order;
    for (int64_t c = 0; c < centroids; c++) {
      if (q.scores[c * q.view.rows + r] == q.scores[c * q.view.rows + r]) order.push_back(c);
    }
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return q.scores[a * q.view.rows + r] > q.scores[b * q.view.rows + r];
    });
    for (size_t k = 0; k < order.size() && k < static_cast<size_t>(nprobe); k++) {
      found.insert(lists[order[k]].begin(), lists[order[k]].end());
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace

TEST(candidates_come_from_the_best_centroids) {
  for (int rows : {1, 7, 8, 31, 32, 33, 256}) {
    for (int nprobe : {0, 1, 2, 5, 1000}) {
      check::where = "rows " + std::to_string(rows) + " nprobe " + std::to_string(nprobe);
      const int64_t centroids = 1 + pick(200);
      const int64_t passages = 1 + pick(500);
      const Guarded<float> centroid = unit_rows(centroids, 8);
      Query q(rows, 8, centroid, centroids);
      // Few distinct scores, so that ties abound; some NaN and -infinity.
      for (size_t i = 0; i < q.scores.size(); i++) {
        const int64_t kind = pick(12);
        q.scores[i] = kind == 0 ? kNan : kind == 1 ? -kInfinity : static_cast<float>(pick(10));
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
      const std::vector<int32_t> expected = naive_candidates(q, centroids, nprobe, lists);
      each_tier([&](int32_t tier) {
        Guarded<uint64_t> scratch(static_cast<size_t>((passages + 63) / 64));
        for (size_t i = 0; i < scratch.size(); i++) scratch[i] = ~uint64_t{0};
        Guarded<int32_t> out(expected.size());
        int64_t count = -1;
        const int64_t n = static_cast<int64_t>(expected.size());
        auto call = [&](int64_t capacity) {
          return tartan_candidates(tier, &q.view, centroids, nprobe, list_offsets.data(),
                                   list_passages.data(), passages, scratch.data(), out.data(), capacity,
                                   &count);
        };
        CHECK(call(n) == TARTAN_OK && count == n);
        for (int64_t i = 0; i < n; i++) CHECK(out[i] == expected[i]);
        if (n > 0) CHECK(call(n - 1) == TARTAN_NO_CAPACITY && count == n - 1);
        if (!flat.empty() && nprobe == 1000 && n > 0) {
          // A damaged entry is found if its list is probed.
          for (size_t i = 0; i < flat.size(); i++) {
            const int32_t real = list_passages[i];
            list_passages[i] = i % 2 ? -1 : static_cast<int32_t>(passages);
            const int64_t c = std::upper_bound(offsets.begin(), offsets.end(), static_cast<int64_t>(i)) -
                              offsets.begin() - 1;
            bool probed = false;
            for (int r = 0; r < rows; r++) probed |= q.scores[c * rows + r] == q.scores[c * rows + r];
            CHECK((call(n) == TARTAN_BAD_PASSAGE) == probed);
            list_passages[i] = real;
          }
        }
      });
    }
  }
}

TEST(approximate_scores_are_the_pruned_maxima) {
  for (int rows : kRowCounts) {
    for (int code_bytes : {2, 4}) {
      check::where = "rows " + std::to_string(rows) + " code_bytes " + std::to_string(code_bytes);
      Segment s(8, 2, code_bytes, 50, 20, TARTAN_SCALED);
      Query q(rows, 8, s.centroid, 50);
      for (size_t i = 0; i < q.scores.size(); i += 17) q.scores[i] = kNan;
      const Guarded<int32_t> candidates = numbers(20);
      for (float threshold : {-kInfinity, 0.3f, 0.6f, 2.0f}) {
        Guarded<float> expected(20);
        for (int64_t p = 0; p < 20; p++) {
          std::vector<float> top(static_cast<size_t>(rows), -kInfinity);
          bool any = false;
          for (int64_t t = s.offsets[p]; t < s.offsets[p + 1]; t++) {
            if (!(q.best[s.code(t)] >= threshold)) continue;
            any = true;
            for (int r = 0; r < rows; r++) top[r] = std::max(top[r], q.scores[s.code(t) * rows + r]);
          }
          float sum = 0;
          for (float x : top) sum += x;
          expected[p] = any ? sum : -kInfinity;
        }
        each_tier([&](int32_t tier) {
          Guarded<float> out(20);
          CHECK(tartan_approximate_scores(tier, &q.view, 50, &s.view, threshold, candidates.data(), 20,
                                          out.data()) == 0);
          CHECK(out.same_bits(expected));
          CHECK(tartan_approximate_scores(tier, &q.view, 50, &s.view, threshold, candidates.data(), 0,
                                          nullptr) == 0);
          candidates[19] = 20;
          CHECK(tartan_approximate_scores(tier, &q.view, 50, &s.view, threshold, candidates.data(), 20,
                                          out.data()) == TARTAN_BAD_PASSAGE);
          candidates[19] = 19;
          if (s.tokens() > 0) {
            // As if the centroids ended before the last token's code.
            const int64_t code = s.code(s.tokens() - 1);
            CHECK(tartan_approximate_scores(tier, &q.view, code, &s.view, threshold, candidates.data(), 20,
                                            out.data()) == TARTAN_BAD_CODE);
          }
        });
      }
    }
  }
}

TEST(keep_best_is_the_head_of_the_sorted_list) {
  for (int64_t n : {0, 1, 7, 8, 9, 100, 1000, 5000}) {
    for (int64_t keep : {0, 1, 3, 8, 100, 999, 6000}) {
      check::where = "n " + std::to_string(n) + " keep " + std::to_string(keep);
      const Guarded<int32_t> passages = numbers(n);
      std::shuffle(passages.data(), passages.data() + n, source);
      Guarded<float> scores(static_cast<size_t>(n));
      std::vector<std::pair<float, int32_t>> order;
      for (int64_t i = 0; i < n; i++) {
        const int64_t kind = pick(10);
        scores[i] = kind == 0   ? kNan
                    : kind == 1 ? -kInfinity
                    : kind < 6  ? static_cast<float>(pick(20))
                                : uniform();
        if (scores[i] > -kInfinity) order.push_back({-scores[i], passages[i]});
      }
      std::sort(order.begin(), order.end());
      order.resize(std::min<size_t>(order.size(), static_cast<size_t>(keep)));
      each_tier([&](int32_t tier) {
        Guarded<int32_t> out(static_cast<size_t>(std::min(keep, n)));
        Guarded<float> kept(out.size());
        int64_t count = -1;
        CHECK(tartan_keep_best(tier, passages.data(), scores.data(), n, keep, out.data(), kept.data(),
                               &count) == 0);
        if (!CHECK(count == static_cast<int64_t>(order.size()))) return;
        for (int64_t i = 0; i < count; i++) CHECK(out[i] == order[i].second && kept[i] == -order[i].first);
      });
    }
  }
}
