// MaxSim of a batch of queries with ragged passages, in float16 products with float32 sums (mma.sync.m16n8k16).
//
// A warp takes a candidate, 16 tokens at a time (the 16 rows of a) against 32 query rows (four times the 8 columns of b). Which
// 16 dimensions make a step of the product is ours to choose, as long as tokens and query agree: so that a thread reads what is
// contiguous, thread t of the four of a token takes of packed rows, in a piece of 128 dimensions, 32 t .. 32 t + 31, four a step
// (in the last piece of n dimensions ceil(n / 16) * 4), and of plain rows 16 s + 4 t .. 16 s + 4 t + 3 in step s.
//
//   a[0], a[2]: dimensions 0, 1 and 2, 3 of the step of token lane / 4     a[1], a[3]: of token lane / 4 + 8
//   b[0], b[1]: the same dimensions of query row 8 n + lane / 4
//   d[0], d[1]: query rows 8 n + 2 (lane % 4), + 1 with token lane / 4       d[2], d[3]: with token lane / 4 + 8
//
// The query rows lie in shared memory as fragments; a block holds 32 of them at a time and goes through its candidates for each.
// A maximum over no sound similarity is NaN, which fmaxf yields to anything else.
#ifndef TARTAN_FRAGMENTS_CUH
#define TARTAN_FRAGMENTS_CUH

#include "tartan.cuh"

constexpr int kTokens = 16;          // of a tile
constexpr int kColumns = 4;          // tiles of 8 query rows
constexpr int kRows = kColumns * 8;  // query rows at a time
constexpr int kWarps = 4;            // of a block
constexpr int kPiece = 128;          // dimensions
constexpr int kSteps = kPiece / 16;

// What thread t of a token has of the piece from dimension `piece` on.
template <bool kPacked>
struct Part {
  int steps;
  int first;

  TARTAN_METHOD Part(int dim, int piece, int t)
      : steps(smaller(kSteps, (dim - piece + 15) / 16)), first(piece + t * 4 * (kPacked ? steps : 1)) {}

  // The first of its four dimensions of a step.
  TARTAN_METHOD int at(int step) const { return first + step * (kPacked ? 4 : 16); }
};

TARTAN_DEVICE float row_value(View<const float> rows, int64_t row, int64_t count, int d, int dim) {
  return row < count && d < dim ? rows[row * dim + d] : 0.0f;
}

// The rows [row, row + 32) of a query of `count` rows, as fragments [steps of all pieces][kColumns][kWarp].
template <bool kPacked>
TARTAN_DEVICE void fill_fragments(View<uint2> fragments, View<const float> rows, int64_t row, int64_t count,
                                  int dim) {
  const int all = (dim + 15) / 16 * kColumns;
  for (int i = warp(); i < all; i += kWarps) {
    const int step = i / kColumns;
    const int piece = step / kSteps * kPiece;
    const int d = Part<kPacked>(dim, piece, lane() % 4).at(step % kSteps);
    const int64_t r = row + i % kColumns * 8 + lane() / 4;
    uint2 b;
    b.x = halves_of(row_value(rows, r, count, d, dim), row_value(rows, r, count, d + 1, dim));
    b.y = halves_of(row_value(rows, r, count, d + 2, dim), row_value(rows, r, count, d + 3, dim));
    store_as<uint2>(fragments, i * kWarp + lane(), b);
  }
}

// A piece of a tile times the rows: source(step) gives the fragment of a.
template <class Source>
TARTAN_DEVICE void multiply_piece(View<uint2> fragments, int steps, const Source& source,
                                  float (&sums)[kColumns][4]) {
  TARTAN_UNROLL
  for (int s = 0; s < kSteps; s++) {
    if (s < steps) {
      uint32_t a[4];
      source(s, a);
      TARTAN_UNROLL
      for (int n = 0; n < kColumns; n++) {
        const uint2 pair = load_as<uint2>(fragments, (s * kColumns + n) * kWarp + lane());
        const uint32_t b[2] = {pair.x, pair.y};
        mma(sums[n], a, b);
      }
    }
  }
}

// The sum over the rows below `count` of the maxima of a warp, which every thread gets.
TARTAN_DEVICE float sum_of_tops(float (&top)[kColumns][2], int64_t count) {
  float sum = 0;
  TARTAN_UNROLL
  for (int n = 0; n < kColumns; n++) {
    TARTAN_UNROLL
    for (int k = 0; k < 2; k++) {
      float most = top[n][k];
      for (int mask = 4; mask < kWarp; mask *= 2) most = fmaxf(most, shuffle_xor(most, mask));
      if (n * 8 + lane() % 4 * 2 + k < count) sum += most;
    }
  }
  sum += shuffle_xor(sum, 1);
  return sum + shuffle_xor(sum, 2);
}

// Goes through the candidates of a block for every 32 rows of its query. Scorer: raise(first row, token range, token, top) raises
// the maxima by a tile of tokens from `token` on.
template <class Scorer>
TARTAN_DEVICE void score_candidates(const Scorer& scorer, const Queries& queries,
                                    const Candidates& candidates, const int64_t* offsets, int64_t passages,
                                    int32_t* status) {
  const int q = blockIdx.y;
  const View<const int32_t> query_offsets(queries.offsets);
  const int64_t count = query_offsets[q + 1] - query_offsets[q];
  const View<const float> rows =
      View<const float>(queries.rows) + static_cast<int64_t>(query_offsets[q]) * queries.dim;
  const int64_t n = View<const int64_t>(candidates.counts)[q];
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kWarps;
  if (first >= n) return;
  const View<float> scores(candidates.scores);
  for (int64_t row = 0; row < count; row += kRows) {
    sync_block();
    fill_fragments<Scorer::kPacked>(scorer.fragments, rows, row, count, queries.dim);
    sync_block();
    for (int64_t turn = first + warp(); turn < n; turn += static_cast<int64_t>(gridDim.x) * kWarps) {
      const int64_t i = q * candidates.capacity + turn;
      const int32_t passage = View<const int32_t>(candidates.passages)[i];
      const TokenRange tokens = tokens_of(offsets, passages, passage, status);
      float top[kColumns][2];
      TARTAN_UNROLL
      for (int k = 0; k < kColumns; k++) top[k][0] = top[k][1] = not_a_number();
      for (int64_t t = tokens.first; t < tokens.last; t += kTokens) {
        scorer.raise(q, row, count, t, tokens.last, top);
      }
      const float sum = tokens.first < tokens.last ? sum_of_tops(top, count - row) : -infinity();
      if (lane() != 0) continue;
      const float before = row > 0 ? scores[i] : 0.0f;
      scores[i] = before + sum;
    }
  }
}

#endif
