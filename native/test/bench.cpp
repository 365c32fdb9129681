// Rates of the CPU kernels on one thread, for every tier of this machine. Built by the build, run by hand:
//   native/target/cmake/tartan_bench            every kernel, then what the machine can do at most
//   native/target/cmake/tartan_bench 1 4        the work on tokens of one tier and nbits
//   native/target/cmake/tartan_bench 1          the other work of one tier
//   native/target/cmake/tartan_bench limits     the machine alone
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "roofline.h"
#include "tartan_cpu.h"

namespace {

constexpr int kDim = 128;
constexpr int kRows = 32;
constexpr int64_t kLength = 75;  // tokens of a passage
constexpr int64_t kPassages = 40;
constexpr int64_t kTokens = kPassages * kLength;

std::mt19937 random_source(1);

std::vector<float> unit_rows(int64_t n, int dim) {
  std::normal_distribution<float> normal;
  std::vector<float> rows(n * dim);
  for (int64_t i = 0; i < n; i++) {
    double norm = 0;
    for (int d = 0; d < dim; d++) {
      rows[i * dim + d] = normal(random_source);
      norm += static_cast<double>(rows[i * dim + d]) * rows[i * dim + d];
    }
    for (int d = 0; d < dim; d++) rows[i * dim + d] = static_cast<float>(rows[i * dim + d] / std::sqrt(norm));
  }
  return rows;
}

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The least seconds a call of f over about half a second. By the wall clock: where a hypervisor takes the
// processor away, that of the thread may run too slow for samples this short.
template <class F>
double seconds(F f) {
  using Clock = std::chrono::steady_clock;
  double least = 1e9;
  const auto stop = Clock::now() + std::chrono::milliseconds(500);
  for (auto begin = Clock::now(); begin < stop;) {
    f();
    const auto end = Clock::now();
    least = std::min(least, std::chrono::duration<double>(end - begin).count());
    begin = end;
  }
  return least;
}

void row(int tier, const char* what, double value, const char* unit) {
  printf("%-7s %-44s %10.2f %s\n", tartan_tier_name(tier), what, value, unit);
}

// A segment of 75-token passages, its codec and a query; by default small enough for the caches.
struct Segment {
  explicit Segment(int nbits, int64_t centroids, int64_t passages = kPassages)
      : centroid(unit_rows(centroids, kDim)),
        values(unit_rows(kRows, kDim)),
        scores(centroids * kRows),
        best(centroids) {
    for (int i = 0; i < 256; i++)
      weights.push_back(0.2f * static_cast<float>(i + 1 - (1 << (nbits - 1))) /
                        static_cast<float>(1 << nbits));
    for (int i = 0; i < 255; i++) cutoffs.push_back(0.5f * (weights[i] + weights[i + 1]));
    for (int64_t p = 0; p <= passages; p++) offsets.push_back(p * kLength);
    for (int64_t p = 0; p < passages; p++) candidates.push_back(static_cast<int32_t>(p));
    for (int64_t t = 0; t < passages * kLength; t++)
      codes.push_back(static_cast<int32_t>(random_source() % centroids));
    for (int64_t b = 0; b < passages * kLength * kDim * nbits / 8; b++)
      residuals.push_back(static_cast<uint8_t>(random_source()));
    factors.assign(static_cast<size_t>(passages * kLength), 0x3c00);
    codec = {kDim, nbits, TARTAN_UNIT, 0, centroids, centroid.data(), cutoffs.data(), weights.data()};
    tokens = {passages, offsets.data(), codes.data(), residuals.data(), factors.data(), 4, 0};
    query = {kRows, kDim, values.data(), scores.data(), best.data()};
    tartan_centroid_scores(tartan_best_tier(), &query, centroid.data(), 0, centroids, scores.data(),
                           best.data());
  }
  std::vector<float> centroid, values, scores, best, weights, cutoffs;
  std::vector<int64_t> offsets;
  std::vector<int32_t> candidates, codes;
  std::vector<uint8_t> residuals;
  std::vector<uint16_t> factors;
  tartan_codec codec;
  tartan_passages tokens;
  tartan_query query;
};

// The query of a segment in integers, with its scores.
struct Integers {
  Integers(int tier, const Segment& s) : Integers(tier, s, s.query) {}
  Integers(int tier, const Segment& s, const tartan_query& query)
      : values(s.centroid.size()),
        block(aligned_alloc(
            64, static_cast<size_t>(tartan_integer_query_bytes(query.rows, kDim, s.codec.nbits)))),
        scores(s.scores.size()),
        best(s.best.size()) {
    grid = {s.codec.centroids, kDim, 0, 0, 0, values.data()};
    tartan_quantise_centroids(tier, s.centroid.data(), s.codec.centroids, kDim, values.data(), &grid.steps,
                              &grid.reach);
    tartan_quantise_query(tier, &query, &grid, &s.codec, block);
    view = {block, s.codec.centroids, scores.data(), best.data()};
    tartan_integer_scores(tier, &view, &grid, 0, s.codec.centroids, scores.data(), best.data());
  }
  ~Integers() { free(block); }
  Integers(const Integers&) = delete;
  Integers& operator=(const Integers&) = delete;
  std::vector<uint8_t> values;
  void* block;
  std::vector<int16_t> scores, best;
  tartan_grid grid;
  tartan_integer_query view;
};

void bench_tokens(int tier, int nbits) {
  Segment s(nbits, 256);
  std::vector<float> out(kPassages);
  std::vector<float> dense(kTokens * kDim);
  std::vector<uint8_t> residuals(s.residuals.size());
  char what[80];
  snprintf(what, sizeof what, "maxsim, %d bits, 32 rows, dim 128", nbits);
  row(tier, what,
      seconds([&] {
        tartan_maxsim(tier, &s.query, &s.codec, &s.tokens, s.candidates.data(), kPassages, out.data());
      }) / kTokens *
          1e9,
      "ns/token");
  const Integers x(tier, s);
  snprintf(what, sizeof what, "integer_maxsim, %d bits, 32 rows, dim 128", nbits);
  row(tier, what,
      seconds([&] {
        tartan_integer_maxsim(tier, &x.view, &s.codec, &s.tokens, s.candidates.data(), kPassages, out.data());
      }) / kTokens *
          1e9,
      "ns/token");
  snprintf(what, sizeof what, "rescore, %d bits, 32 rows, dim 128", nbits);
  row(tier, what,
      seconds([&] {
        tartan_rescore(tier, &s.query, &x.view, &s.codec, &s.tokens, s.candidates.data(), kPassages,
                       out.data());
      }) / kTokens *
          1e9,
      "ns/token");
  const tartan_dense rows = {kPassages, s.offsets.data(), dense.data(), 4, kDim};
  snprintf(what, sizeof what, "decompress, then maxsim_dense, %d bits", nbits);
  row(tier, what,
      seconds([&] {
        tartan_decompress(tier, &s.codec, &s.tokens, 0, kTokens, dense.data());
        tartan_maxsim_dense(tier, &s.query, &rows, s.candidates.data(), kPassages, out.data());
      }) / kTokens *
          1e9,
      "ns/token");
  snprintf(what, sizeof what, "decompress, %d bits", nbits);
  row(tier, what,
      seconds([&] { tartan_decompress(tier, &s.codec, &s.tokens, 0, kTokens, dense.data()); }) / kTokens *
          1e9,
      "ns/token");
  snprintf(what, sizeof what, "compress, %d bits", nbits);
  row(tier, what,
      seconds([&] {
        tartan_compress(tier, &s.codec, dense.data(), kTokens, s.codes.data(), residuals.data(), nullptr);
      }) / kTokens *
          1e9,
      "ns/token");
}

// A segment of 150 MB or more, in an order of passages at random.
void bench_memory(int tier, int nbits) {
  const int64_t passages = int64_t{150} * 1000000 / (kLength * (kDim * nbits / 8 + 6));
  Segment s(nbits, 1 << 14, passages);
  std::shuffle(s.candidates.begin(), s.candidates.end(), random_source);
  std::vector<float> out(static_cast<size_t>(passages));
  const Integers x(tier, s);
  char what[80];
  snprintf(what, sizeof what, "integer_maxsim from memory, %d bits", nbits);
  // Pieces of it, so that one of them is undisturbed.
  const int64_t piece = 1000;
  int64_t first = 0;
  row(tier, what,
      seconds([&] {
        first = first + 2 * piece > passages ? 0 : first + piece;
        tartan_integer_maxsim(tier, &x.view, &s.codec, &s.tokens, s.candidates.data() + first, piece,
                              out.data());
      }) / static_cast<double>(piece * kLength) *
          1e9,
      "ns/token");
}

// 64 queries on the same passages, from memory: one after the other, and a piece of the passages at a time.
void bench_batch(int tier, int nbits, int rows) {
  const int64_t passages = int64_t{80} * 1000000 / (kLength * (kDim * nbits / 8 + 6));
  Segment s(nbits, 1 << 13, passages);
  std::vector<float> out(static_cast<size_t>(passages)), second(static_cast<size_t>(passages));
  std::vector<std::vector<float>> values;
  std::vector<std::unique_ptr<Integers>> queries;
  for (int i = 0; i < 64; i++) {
    values.push_back(unit_rows(rows, kDim));
    const tartan_query query = {rows, kDim, values.back().data(), nullptr, nullptr};
    queries.push_back(std::make_unique<Integers>(tier, s, query));
  }
  for (const bool pairs : {false, true}) {
    if (pairs && rows > 16) break;
    for (int64_t piece : {passages, int64_t{4096}, int64_t{1024}, int64_t{256}, int64_t{64}}) {
      const double begin = thread_seconds();
      for (int64_t p = 0; p < passages; p += piece) {
        const int64_t n = std::min(piece, passages - p);
        const int32_t* from = s.candidates.data() + p;
        for (size_t q = 0; q < queries.size(); q += pairs ? 2 : 1) {
          const tartan_integer_query* query = &queries[q]->view;
          if (pairs) {
            tartan_integer_maxsim_pair(tier, query, &queries[q + 1]->view, &s.codec, &s.tokens, from, n,
                                       out.data(), second.data());
          } else {
            tartan_integer_maxsim(tier, query, &s.codec, &s.tokens, from, n, out.data());
          }
        }
      }
      char what[80];
      snprintf(what, sizeof what, "64 queries of %d rows, %d bits, %ld passages%s", rows, nbits,
               static_cast<long>(piece), pairs ? ", in pairs" : "");
      row(tier, what, (thread_seconds() - begin) / static_cast<double>(64 * passages * kLength) * 1e9,
          "ns/token");
    }
  }
}

// The stages that work on integers, but for those on compressed tokens.
void bench_integers(int tier, Segment& s, int64_t centroids) {
  Integers x(tier, s);
  std::vector<float> out(kPassages);
  char what[80];
  row(tier, "quantise_query, 2 bits",
      seconds([&] { tartan_quantise_query(tier, &s.query, &x.grid, &s.codec, x.block); }) * 1e6, "us");
  snprintf(what, sizeof what, "integer_scores, %ld centroids", static_cast<long>(centroids));
  row(tier, what,
      1e-9 * kDim * kRows * static_cast<double>(centroids) / seconds([&] {
        tartan_integer_scores(tier, &x.view, &x.grid, 0, centroids, x.scores.data(), x.best.data());
      }),
      "G multiply-adds/s");
  snprintf(what, sizeof what, "approximate_scores, %ld centroids, no pruning", static_cast<long>(centroids));
  row(tier, what,
      seconds([&] {
        tartan_approximate_scores(tier, &x.view, &s.tokens, -INFINITY, s.candidates.data(), kPassages,
                                  out.data());
      }) / kTokens *
          1e9,
      "ns/token");
  std::vector<int64_t> lists(centroids + 1, 0);
  int64_t count;
  uint64_t scratch[2];
  snprintf(what, sizeof what, "candidates, nprobe 4, %ld centroids", static_cast<long>(centroids));
  row(tier, what,
      seconds([&] {
        tartan_candidates(tier, &x.view, 4, lists.data(), nullptr, 1, nullptr, scratch, nullptr, nullptr, 0,
                          &count);
      }) / static_cast<double>(centroids) *
          1e9,
      "ns/centroid");
}

// All but the work on tokens.
void bench_stages(int tier) {
  for (int64_t centroids : {256, 1 << 16}) {
    Segment s(2, centroids);
    char what[80];
    snprintf(what, sizeof what, "centroid_scores, %ld centroids", static_cast<long>(centroids));
    row(tier, what, 2e-9 * kDim * kRows * static_cast<double>(centroids) / seconds([&] {
                      tartan_centroid_scores(tier, &s.query, s.centroid.data(), 0, centroids, s.scores.data(),
                                             s.best.data());
                    }),
        "GFLOP/s");
    bench_integers(tier, s, centroids);
  }
  const int64_t n = tier == TARTAN_SCALAR ? 64 : 1536;
  const int64_t centroids = 1024;
  const std::vector<float> rows = unit_rows(n, kDim);
  const std::vector<float> centroid = unit_rows(centroids, kDim);
  std::vector<int32_t> codes(n);
  std::vector<int64_t> sums(centroids * kDim), counts(centroids);
  row(tier, "nearest_centroids, 1024 centroids",
      2e-9 * kDim * static_cast<double>(n * centroids) / seconds([&] {
        tartan_nearest_centroids(tier, rows.data(), n, kDim, centroid.data(), centroids, nullptr,
                                 codes.data());
      }),
      "GFLOP/s");
  row(tier, "accumulate_centroids",
      seconds([&] {
        tartan_accumulate_centroids(tier, rows.data(), n, kDim, codes.data(), centroids, sums.data(),
                                    counts.data());
      }) / static_cast<double>(n) *
          1e9,
      "ns/token");
  const int64_t passages = 100000;
  std::vector<float> score = unit_rows(passages / 8, 8), kept(1024);
  std::vector<int32_t> number(passages), best(1024);
  for (int64_t i = 0; i < passages; i++) number[i] = static_cast<int32_t>(i);
  int64_t count;
  row(tier, "keep_best, 1024 of 100000",
      seconds([&] {
        tartan_keep_best(tier, number.data(), score.data(), passages, 1024, best.data(), kept.data(), &count);
      }) / static_cast<double>(passages) *
          1e9,
      "ns/passage");
}

void bench_tier(int tier) {
  for (int nbits : {1, 2, 3, 4, 8}) bench_tokens(tier, nbits);
  bench_stages(tier);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) {
    bench_tokens(atoi(argv[1]), atoi(argv[2]));
    if (atoi(argv[1]) > 0) bench_memory(atoi(argv[1]), atoi(argv[2]));
    for (int rows : {12, 32}) {
      if (atoi(argv[1]) > 0) bench_batch(atoi(argv[1]), atoi(argv[2]), rows);
    }
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "limits") != 0) {
    bench_stages(atoi(argv[1]));
    return 0;
  }
  for (int tier = 0; argc == 1 && tier <= tartan_best_tier(); tier++) bench_tier(tier);
  if (tartan_best_tier() == TARTAN_SCALAR) return 0;
  roofline::measure(
      tartan_best_tier() == TARTAN_AVX512, [](auto f) { return seconds(f); },
      [](const char* what, double value, const char* unit) {
        printf("%-7s %-44s %10.2f %s\n", "limit", what, value, unit);
      });
  return 0;
}
