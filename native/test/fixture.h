// Guarded arrays, seeded data and naive formulas in double for the tests.
#ifndef TARTAN_TEST_FIXTURE_H
#define TARTAN_TEST_FIXTURE_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "check.h"
#include "tartan_cpu.h"

namespace fixture {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// An array whose last element touches a page that may not be read: an over-read ends the test.
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t n) : size_(n) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = (n * sizeof(T) + page - 1) / page * page + page;
    base_ =
        static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + bytes_ - page, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(base_ + bytes_ - page - n * sizeof(T));
  }
  explicit Guarded(const std::vector<T>& from) : Guarded(from.size()) {
    if (!from.empty()) memcpy(data_, from.data(), from.size() * sizeof(T));
  }
  Guarded(Guarded&& other) noexcept
      : size_(other.size_),
        bytes_(other.bytes_),
        base_(std::exchange(other.base_, nullptr)),
        data_(other.data_) {}
  ~Guarded() {
    if (base_) munmap(base_, bytes_);
  }
  T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) const { return data_[i]; }
  bool same_bits(const Guarded& other) const {
    return size_ == other.size_ && (size_ == 0 || memcmp(data_, other.data_, size_ * sizeof(T)) == 0);
  }

 private:
  size_t size_, bytes_;
  char* base_;
  T* data_;
};

inline std::mt19937_64 source(20240611);

inline int64_t pick(int64_t below) { return static_cast<int64_t>(source() % static_cast<uint64_t>(below)); }

inline float uniform() { return std::uniform_real_distribution<float>(-1, 1)(source); }

inline Guarded<float> unit_rows(int64_t n, int64_t dim) {
  Guarded<float> rows(static_cast<size_t>(n * dim));
  std::normal_distribution<double> normal;
  std::vector<double> x(static_cast<size_t>(dim));
  for (int64_t i = 0; i < n; i++) {
    double norm = 0;
    for (double& value : x) {
      value = normal(source);
      norm += value * value;
    }
    for (int64_t d = 0; d < dim; d++) rows[i * dim + d] = static_cast<float>(x[d] / std::sqrt(norm));
  }
  return rows;
}

inline float chain_dot(const float* a, const float* b, int64_t dim) {
  float s = 0;
  for (int64_t d = 0; d < dim; d++) s = std::fma(a[d], b[d], s);
  return s;
}

// The value of a float16, from the definition of the format.
inline double half_value(uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const double significand = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == 31) return significand != 0 ? kNan : sign * kInfinity;
  return sign * (exponent ? std::ldexp(1024 + significand, exponent - 25) : std::ldexp(significand, -24));
}

// A number of n bits of a stream whose bytes are filled from the lowest bit.
inline int bits_at(const uint8_t* bytes, int64_t bit, int n) {
  int number = 0;
  for (int i = 0; i < n; i++) number |= ((bytes[(bit + i) / 8] >> ((bit + i) % 8)) & 1) << i;
  return number;
}

// Compressed passages with a codec, some passages empty.
struct Segment {
  Segment(int dim, int nbits, int code_bytes, int64_t centroids, int64_t passages, int form)
      : centroid(unit_rows(centroids, dim)),
        cutoffs(static_cast<size_t>((1 << nbits) - 1)),
        weights(static_cast<size_t>(1 << nbits)),
        offsets(make_offsets(passages)),
        code16(code_bytes == 2 ? tokens() : 0),
        code32(code_bytes == 4 ? tokens() : 0),
        residuals(static_cast<size_t>(tokens() * dim * nbits / 8)),
        factors(tokens()) {
    const float step = 1.0f / std::sqrt(static_cast<float>(dim)) / static_cast<float>(1 << nbits);
    for (size_t i = 0; i < weights.size(); i++)
      weights[i] = step * (2 * static_cast<float>(i) + 1 - static_cast<float>(weights.size()));
    for (size_t i = 0; i < cutoffs.size(); i++) cutoffs[i] = (weights[i] + weights[i + 1]) / 2;
    for (int64_t t = 0; t < tokens(); t++) {
      const int64_t code = pick(centroids);
      if (code_bytes == 2)
        code16[t] = static_cast<uint16_t>(code);
      else
        code32[t] = static_cast<int32_t>(code);
    }
    for (size_t i = 0; i < residuals.size(); i++) residuals[i] = static_cast<uint8_t>(source());
    for (size_t i = 0; i < factors.size(); i++) factors[i] = static_cast<uint16_t>(0x3400 + pick(0x0c00));
    codec = {dim, nbits, form, 0, centroids, centroid.data(), cutoffs.data(), weights.data()};
    view = {passages,
            offsets.data(),
            code_bytes == 2 ? static_cast<void*>(code16.data()) : code32.data(),
            residuals.data(),
            form == TARTAN_SCALED ? factors.data() : nullptr,
            code_bytes,
            0};
  }
  static Guarded<int64_t> make_offsets(int64_t passages) {
    Guarded<int64_t> offsets(static_cast<size_t>(passages + 1));
    offsets[0] = 0;
    for (int64_t p = 0; p < passages; p++) offsets[p + 1] = offsets[p] + (p % 3 == 1 ? 0 : pick(30));
    return offsets;
  }
  int64_t tokens() const { return offsets[offsets.size() - 1]; }
  int64_t code(int64_t t) const { return view.code_bytes == 2 ? code16[t] : code32[t]; }
  double factor(int64_t t) const { return codec.form == TARTAN_SCALED ? half_value(factors[t]) : 1; }
  int bucket(int64_t t, int64_t d) const {
    const int64_t bit = (t * codec.dim + d) * codec.nbits;
    return bits_at(residuals.data(), bit, codec.nbits);
  }
  // The reconstructed token in double.
  std::vector<double> token(int64_t t) const {
    std::vector<double> x(static_cast<size_t>(codec.dim));
    double norm = 0;
    for (int64_t d = 0; d < codec.dim; d++) {
      x[d] = centroid[code(t) * codec.dim + d] + factor(t) * weights[bucket(t, d)];
      norm += x[d] * x[d];
    }
    if (codec.form == TARTAN_SCALED) return x;
    norm = std::max(1e-12, std::sqrt(norm));
    for (double& value : x) value /= norm;
    return x;
  }

  Guarded<float> centroid, cutoffs, weights;
  Guarded<int64_t> offsets;
  Guarded<uint16_t> code16;
  Guarded<int32_t> code32;
  Guarded<uint8_t> residuals;
  Guarded<uint16_t> factors;
  tartan_codec codec;
  tartan_passages view;
};

// A query with its centroid scores from the naive chain.
struct Query {
  Query(int rows, int dim, const Guarded<float>& centroid, int64_t centroids)
      : values(unit_rows(rows, dim)),
        scores(static_cast<size_t>(centroids * rows)),
        best(static_cast<size_t>(centroids)) {
    view = {rows, dim, values.data(), scores.data(), best.data()};
    fill(centroid);
  }
  void fill(const Guarded<float>& centroid) {
    for (size_t c = 0; c < best.size(); c++) {
      best[c] = -kInfinity;
      for (int r = 0; r < view.rows; r++) {
        const float s = chain_dot(values.data() + r * view.dim, centroid.data() + c * view.dim, view.dim);
        scores[c * view.rows + r] = s;
        if (s > best[c]) best[c] = s;
      }
    }
  }
  Guarded<float> values, scores, best;
  tartan_query view;
};

template <class F>
void each_tier(F f) {
  for (int32_t tier = 0; tier <= tartan_best_tier(); tier++) f(tier);
}

// Equal to the bit, any NaN being as good as another.
inline bool same_float(float a, float b) { return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0; }

// The numbers 0 .. n - 1.
inline Guarded<int32_t> numbers(int64_t n) {
  Guarded<int32_t> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; i++) out[i] = static_cast<int32_t>(i);
  return out;
}

}  // namespace fixture

#endif
