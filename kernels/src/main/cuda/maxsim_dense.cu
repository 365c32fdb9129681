// MaxSim over uncompressed passages: sim(r, t) = dot(values[r], row[t]), rows float16 or float32 rounded to it.
//
// See fragments.cuh. Bytes a token: dim * 2 or 4, every 32 query rows.
#include "fragments.cuh"

struct DenseTile {
  const Dense& dense;
  int64_t rows[2];  // tokens lane / 4 and lane / 4 + 8
  Part<false> part;

  // Dimensions d .. d + 3 of a row.
  TARTAN_METHOD uint2 four(int64_t row, int d) const {
    uint2 halves = {0, 0};
    if (d >= dense.dim) return halves;
    const int64_t at = row * dense.dim + d;
    if (dense.value_bytes == 2) {
      return load_as<uint2>(View<const uint16_t>(static_cast<const uint16_t*>(dense.rows)), at);
    }
    const float4 x = load_as<float4>(View<const float>(static_cast<const float*>(dense.rows)), at);
    halves.x = halves_of(x.x, x.y);
    halves.y = halves_of(x.z, x.w);
    return halves;
  }

  TARTAN_METHOD void operator()(int step, uint32_t (&a)[4]) const {
    const uint2 x = four(rows[0], part.at(step));
    const uint2 y = four(rows[1], part.at(step));
    a[0] = x.x, a[1] = y.x, a[2] = x.y, a[3] = y.y;
  }
};

struct DenseScorer {
  static constexpr bool kPacked = false;
  const Dense& dense;
  View<uint2> fragments;

  TARTAN_METHOD void raise(int, int64_t, int64_t, int64_t token, int64_t last,
                           float (&top)[kColumns][2]) const {
    float sums[kColumns][4] = {};
    const int64_t t0 = token + lane() / 4;
    const int64_t t1 = t0 + 8;
    for (int piece = 0; piece < dense.dim; piece += kPiece) {
      const DenseTile tile = {
          dense, {smaller(t0, last - 1), smaller(t1, last - 1)}, Part<false>(dense.dim, piece, lane() % 4)};
      multiply_piece(fragments + piece / 16 * kColumns * kWarp, tile.part.steps, tile, sums);
    }
    // Tokens beyond the last repeat it, which leaves a maximum as it is.
    TARTAN_UNROLL
    for (int n = 0; n < kColumns; n++) {
      top[n][0] = fmaxf(top[n][0], fmaxf(sums[n][0], sums[n][2]));
      top[n][1] = fmaxf(top[n][1], fmaxf(sums[n][1], sums[n][3]));
    }
  }
};

TARTAN_KERNEL(tartan_maxsim_dense, 128, MaxSimArguments) {
  TARTAN_DYNAMIC_SHARED(uint2, fragments);
  const DenseScorer scorer = {arguments.dense, fragments};
  score_candidates(scorer, arguments.queries, arguments.candidates, arguments.dense.offsets,
                   arguments.dense.count, arguments.status);
}
