// centroid_scores, keep_best, cut.
#include <algorithm>

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

TEST(cut_keeps_the_best_in_their_order) {
  for (int64_t n : {0, 1, 7, 8, 100, 1000, 5000}) {
    for (int64_t keep : {0, 1, 3, 100, 999, 6000}) {
      for (int64_t spread : {1, 20, 1000000}) {
        check::where = "n " + std::to_string(n) + " keep " + std::to_string(keep);
        const Guarded<int32_t> passages = numbers(n);
        std::shuffle(passages.data(), passages.data() + n, source);
        Guarded<float> scores(static_cast<size_t>(n));
        std::vector<std::pair<float, int64_t>> order;
        for (int64_t i = 0; i < n; i++) {
          const int64_t kind = pick(20);
          scores[i] = kind == 0   ? kNan
                      : kind == 1 ? -kInfinity
                      : kind == 2 ? kInfinity
                      : kind == 3 ? -0.0f
                      : kind == 4 ? 0.0f
                      : kind == 5 ? -1e-42f
                                  : static_cast<float>(pick(spread)) / 7 - 1;
          if (scores[i] > -kInfinity) order.push_back({-scores[i], i});
        }
        std::stable_sort(order.begin(), order.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        order.resize(std::min<size_t>(order.size(), static_cast<size_t>(keep)));
        std::sort(order.begin(), order.end(),
                  [](const auto& a, const auto& b) { return a.second < b.second; });
        each_tier([&](int32_t tier) {
          Guarded<int32_t> out(static_cast<size_t>(std::min(keep, n)));
          Guarded<float> kept(out.size());
          int64_t count = -1;
          CHECK(tartan_cut(tier, passages.data(), scores.data(), n, keep, out.data(), kept.data(), &count) ==
                0);
          if (!CHECK(count == static_cast<int64_t>(order.size()))) return;
          for (size_t i = 0; i < order.size(); i++) {
            CHECK(out[i] == passages[order[i].second] && kept[i] == scores[order[i].second]);
          }
        });
      }
    }
  }
}
