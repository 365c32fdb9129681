// Makes the sketch of a set of centroids that nearest_centroids screens with; see centroid_sketch.h.
//
// The basis: a few rounds of orthogonal iteration on the second moment of some of the centroids, from a fixed
// start. Any orthonormal basis gives right codes; a better one only leaves fewer centroids to verify. How
// wide the head should be is counted on a few rows: a wider one costs more per centroid and leaves fewer.
#include "centroid_sketch.h"

namespace tartan::TARTAN_ISA {

int64_t centroid_sketch_bytes(int32_t dim, int64_t centroids) { return sketch_bytes(dim, centroids); }

#if defined(TARTAN_ISA_AVX2)

namespace {

constexpr int64_t kSampled = 1024;  // centroids that stand for all
constexpr int64_t kTried = 24;      // rows that stand for all
constexpr int kRounds = 4;
constexpr float kEps = 0.03f;  // about what the integers add to the bound

// The arguments, and some of the centroids at norms of at most 1.
struct Given {
  const float* centroid;
  int64_t centroids;
  int64_t dim;
  float inverse;  // 1 / the largest norm
  float* sampled;
  int64_t samples;
};

float plain_dot(const float* a, const float* b, int64_t n) {
  Vec sum[2] = {vec_set(0), vec_set(0)};
  int64_t d = 0;
  for (; d + 16 <= n; d += 16) {
    sum[0] = vec_fma(vec_load(a + d), vec_load(b + d), sum[0]);
    sum[1] = vec_fma(vec_load(a + d + 8), vec_load(b + d + 8), sum[1]);
  }
  if (d < n) sum[0] = vec_fma(vec_load(a + d), vec_load(b + d), sum[0]);
  return vec_sum(vec_add(sum[0], sum[1]));
}

void add_scaled(float* to, const float* from, float by, int64_t n) {
  for (int64_t d = 0; d < n; d += 8) {
    vec_store(to + d, vec_fma(vec_set(by), vec_load(from + d), vec_load(to + d)));
  }
}

void second_moment(const Given& g, float* moment) {
  memset(moment, 0, static_cast<size_t>(g.dim * g.dim) * sizeof(float));
  for (int64_t i = 0; i < g.samples; i++) {
    const float* x = g.sampled + i * g.dim;
    for (int64_t d = 0; d < g.dim; d++) add_scaled(moment + d * g.dim, x, x[d], g.dim);
  }
}

void random_row(float* row, int64_t dim, uint32_t* seed) {
  for (int64_t d = 0; d < dim; d++) {
    *seed = *seed * 1664525u + 1013904223u;
    row[d] = static_cast<float>(*seed >> 8) * 0x1p-23f - 1;
  }
}

// Gram and Schmidt, once or, which is enough, twice over.
void orthonormalize(float* basis, int64_t size, int64_t dim, int passes, uint32_t* seed) {
  for (int64_t i = 0; i < size; i++) {
    float* row = basis + i * dim;
    for (int pass = 0; pass < passes; pass++) {
      for (int64_t j = 0; j < i; j++) {
        add_scaled(row, basis + j * dim, -plain_dot(row, basis + j * dim, dim), dim);
      }
      const double norm = row_norm(row, dim);
      if (norm > 1e-18) {
        for (int64_t d = 0; d < dim; d++) row[d] = static_cast<float>(row[d] / norm);
      } else {  // of a moment of low rank
        random_row(row, dim, seed);
      }
    }
  }
}

void find_basis(const Given& g, int64_t size, float* moment, float* spare, float* basis) {
  second_moment(g, moment);
  uint32_t seed = 1;
  for (int64_t i = 0; i < size; i++) random_row(basis + i * g.dim, g.dim, &seed);
  for (int round = 0; round < kRounds; round++) {
    for (int64_t i = 0; i < size; i++) {
      memset(spare, 0, static_cast<size_t>(g.dim) * sizeof(float));
      for (int64_t d = 0; d < g.dim; d++) add_scaled(spare, moment + d * g.dim, basis[i * g.dim + d], g.dim);
      memcpy(basis + i * g.dim, spare, static_cast<size_t>(g.dim) * sizeof(float));
    }
    orthonormalize(basis, size, g.dim, round + 1 < kRounds ? 1 : 3, &seed);
  }
}

// A bound of the norm of BB' - 1: its Frobenius norm.
double skew_of(const float* basis, int64_t size, int64_t dim) {
  double squares = 0;
  for (int64_t i = 0; i < size; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double sum[4] = {i == j ? -1.0 : 0.0, 0, 0, 0};
      for (int64_t d = 0; d < dim; d += 4) {
        for (int64_t k = 0; k < 4; k++) {
          sum[k] += static_cast<double>(basis[i * dim + d + k]) * basis[j * dim + d + k];
        }
      }
      const double off = sum[0] + sum[1] + sum[2] + sum[3];
      squares += i == j ? off * off : 2 * off * off;
    }
  }
  return __builtin_sqrt(squares);
}

// The products with the basis and the squared norm of what is left after each 16 of them, for heads[size /
// 16].
void project(const float* x, const float* basis, int64_t size, int64_t dim, float* head, float* rest) {
  float left = plain_dot(x, x, dim);
  for (int64_t h = 0; h < size; h++) {
    head[h] = plain_dot(x, basis + h * dim, dim);
    left -= head[h] * head[h];
    if (h % 16 == 15) rest[h / 16] = __builtin_sqrtf(left > 0 ? left : 0);
  }
}

// The head that costs least by the count on rows, in products of bytes; 0 if float products cost less.
int64_t cheapest_head(const Given& g, const float* rows, int64_t n, const float* basis, int64_t size) {
  constexpr int64_t kHeads = kBasis / 16;
  const Scratch scratch(static_cast<size_t>(g.samples * (kBasis + kHeads)) * sizeof(float));
  if (!scratch.data) return 0;
  float* rest = scratch.floats() + g.samples * kBasis;
  for (int64_t i = 0; i < g.samples; i++) {
    project(g.sampled + i * g.dim, basis, size, g.dim, scratch.floats() + i * kBasis, rest + i * kHeads);
  }
  int64_t left[kHeads + 1] = {0};
  int64_t tried = 0;
  for (int64_t t = 0; t < kTried && t < n; t++) {
    const float* row = rows + t * n / smaller(kTried, n) * g.dim;
    float unit[1024], head[kBasis], row_rest[kHeads];
    const double norm = row_norm(row, g.dim);
    if (!(norm > 0) || norm > 1e30) continue;
    for (int64_t d = 0; d < g.dim; d++) unit[d] = static_cast<float>(row[d] / norm);
    float best = -1;
    for (int64_t c = 0; c < g.centroids; c++) {
      const float s = plain_dot(unit, g.centroid + c * g.dim, g.dim) * g.inverse;
      if (s > best) best = s;
    }
    project(unit, basis, size, g.dim, head, row_rest);
    for (int64_t i = 0; i < g.samples; i++) {
      float bound = kEps;
      for (int64_t h = 0; h < size; h += 16) {
        bound += plain_dot(head + h, scratch.floats() + i * kBasis + h, 16);
        left[h / 16] += bound + row_rest[h / 16] * rest[i * kHeads + h / 16] >= best;
      }
      left[kHeads] += plain_dot(unit, g.sampled + i * g.dim, g.dim) + 2 * kEps >= best;
    }
    tried++;
  }
  if (tried == 0) return 0;
  // An fma costs 2.2 times a product of bytes a lane, a verification that of 8 * dim.
  const double each = static_cast<double>(g.centroids);
  const auto verify = [&](int64_t count) {
    return each * static_cast<double>(count) / static_cast<double>(tried * g.samples) * 8.0 *
           static_cast<double>(g.dim);
  };
  double least = 2.2 * each * static_cast<double>(g.dim);
  int64_t chosen = 0;
  for (int64_t h = 16; h <= size && h < g.dim; h += 16) {
    const double cost = each * static_cast<double>(h + kRest) + 2.2 * static_cast<double>(h * g.dim) +
                        verify(left[h / 16 - 1]);
    if (cost < least) {
      least = cost;
      chosen = h;
    }
  }
  return each * static_cast<double>(g.dim) + verify(left[kHeads]) < least ? g.dim : chosen;
}

// Calls f(first centroid, count, extended rows) for every six centroids.
template <class F>
void each_extended(const Given& g, const Sketch& s, const float* basis, float* spare, F f) {
  float inverse[6];
  for (float& x : inverse) x = g.inverse;
  for (int64_t c = 0; c < g.centroids; c += 6) {
    const int64_t count = smaller(6, g.centroids - c);
    const float* a[6];
    float norm[6];
    for (int64_t t = 0; t < 6; t++) {
      a[t] = g.centroid + (c + smaller(t, count - 1)) * g.dim;
      norm[t] = static_cast<float>(row_norm(a[t], g.dim));
    }
    extend_rows(s, basis, a, count, g.dim, inverse, norm, spare);
    f(c, count, spare);
  }
}

// Fits the scale, then writes the bytes and measures what rounding costs.
void quantize(const Given& g, Sketch* s, const float* basis, uint8_t* panels, float* spare) {
  float greatest = 0;
  double extended = 0;
  const int64_t stride = padded_width(s);
  each_extended(g, *s, basis, spare, [&](int64_t, int64_t count, const float* x) {
    for (int64_t i = 0; i < count * stride; i++) {
      const float size = __builtin_fabsf(x[i]);
      if (size > greatest) greatest = size;
    }
    for (int64_t t = 0; t < count; t++) {
      const double norm = row_norm(x + t * stride, stride);
      if (norm > extended) extended = norm;
    }
  });
  const float wanted = static_cast<float>(150 / extended);
  s->scale = 127 / greatest < wanted ? 127 / greatest : wanted;
  s->extended = static_cast<float>(extended * 1.000001);
  double error = 0;
  double norm = 0;
  each_extended(g, *s, basis, spare, [&](int64_t first, int64_t count, const float* x) {
    for (int64_t t = 0; t < count; t++) {
      const int64_t c = first + t;
      uint8_t* panel = panels + c / kLanes * kLanes * s->width;
      double e = 0;
      double k = 0;
      for (int64_t d = 0; d < s->width; d++) {
        const float exact = x[t * stride + d] * s->scale;
        const float rounded = __builtin_nearbyintf(exact);
        e += static_cast<double>(rounded - exact) * (rounded - exact);
        k += static_cast<double>(rounded) * rounded;
        panel[(d / 4 * kLanes + lane_of(c % kLanes)) * 4 + d % 4] =
            static_cast<uint8_t>(static_cast<int>(rounded) + kOffset);
      }
      if (e > error) error = e;
      if (k > norm) norm = k;
    }
  });
  s->error = static_cast<float>(__builtin_sqrt(error) * 1.000001 + 1e-4);
  s->norm = static_cast<float>(__builtin_sqrt(norm) * 1.000001);
}

void fill(const Given& g, const float* rows, int64_t n, float* spare, float* basis, Sketch* s) {
  const int64_t size = smaller(kBasis, g.dim / 16 * 16);
  find_basis(g, size, spare, spare + g.dim * g.dim, basis);
  const int64_t head = cheapest_head(g, rows, n, basis, size);
  if (head == 0) return;
  s->head = static_cast<int32_t>(head);
  s->width = static_cast<int32_t>(head == g.dim ? head : head + kRest);
  const double products = __builtin_sqrt(static_cast<double>(head)) * static_cast<double>(g.dim) * 0x1p-24;
  double skew = 0;
  if (head < g.dim) {
    skew = skew_of(basis, head, g.dim);
    float* panel = spare;
    for (int64_t h = 0; h < head; h += 16) {
      pack_panel(basis + h * g.dim, 16, g.dim, 16, 0, panel);
      memcpy(basis + h * g.dim, panel, static_cast<size_t>(16 * g.dim) * sizeof(float));
    }
  }
  s->slack = static_cast<float>(1e-4 + 4 * products + 4 * skew);
  uint8_t* panels = reinterpret_cast<uint8_t*>(basis + kBasis * g.dim);
  memset(panels, kOffset, static_cast<size_t>(padded_centroids(g.centroids) * s->width));
  quantize(g, s, basis, panels, spare);
  if (!(skew < 1e-3)) s->head = 0;
}

}  // namespace

int32_t sketch_centroids(const float* centroid, int64_t centroids, int32_t dim, const float* rows, int64_t n,
                         void* sketch) {
  Sketch* s = static_cast<Sketch*>(sketch);
  memset(s, 0, sizeof *s);
  double largest = 0;
  for (int64_t c = 0; c < centroids; c++) {
    const double norm = row_norm(centroid + c * dim, dim);
    if (!(norm < 1e10)) return TARTAN_OK;  // NaN, infinite or huge: the products are done in float
    if (norm > largest) largest = norm;
  }
  if (largest < 1e-10) return TARTAN_OK;
  s->largest = static_cast<float>(largest * 1.000001);
  Given g = {
      centroid, centroids, dim, static_cast<float>(1 / largest), nullptr, smaller(kSampled, centroids)};
  const int64_t square = static_cast<int64_t>(dim) * dim + dim;
  const int64_t spare = square > 16 * (dim + 16) ? square : 16 * (dim + 16);
  const Scratch scratch(static_cast<size_t>(g.samples * dim + spare) * sizeof(float));
  if (!scratch.data) return TARTAN_NO_MEMORY;
  g.sampled = scratch.floats();
  for (int64_t i = 0; i < g.samples; i++) {
    const float* from = centroid + i * centroids / g.samples * dim;
    for (int64_t d = 0; d < dim; d++) g.sampled[i * dim + d] = from[d] * g.inverse;
  }
  fill(g, rows, n, g.sampled + g.samples * dim, reinterpret_cast<float*>(s + 1), s);
  return TARTAN_OK;
}

#else

int32_t sketch_centroids(const float*, int64_t, int32_t, const float*, int64_t, void* sketch) {
  memset(sketch, 0, sizeof(Sketch));
  return TARTAN_OK;
}

#endif

}  // namespace tartan::TARTAN_ISA
