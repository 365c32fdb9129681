// scores[c, r] = dot(query row r, centroid c); best[c] = max over r, -infinity where all are NaN.
//
// Shapes: see CentroidScoresArguments. A block takes 64 centroids and one query, 64 of its rows at a time (product.cuh); the
// maxima of the rows meet in shared memory.
#include "product.cuh"

TARTAN_KERNEL_OF_BLOCKS(tartan_centroid_scores, 256, 2, CentroidScoresArguments) {
  TARTAN_SHARED(float, memory, kProductFloats);
  TARTAN_SHARED(float, tops, kTile * 16);
  const View<const int32_t> offsets(arguments.queries.offsets);
  const int q = blockIdx.y;
  const int64_t first_row = offsets[q];
  const int64_t rows = offsets[q + 1] - first_row;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t count = smaller(static_cast<int64_t>(kTile), arguments.count - first);
  const View<float> scores = View<float>(arguments.scores) + arguments.count * first_row;
  const View<float> best = View<float>(arguments.best) + q * arguments.count;
  float top[4];
  TARTAN_UNROLL
  for (int i = 0; i < 4; i++) top[i] = -infinity();
  for (int64_t r = 0; r < rows; r += kTile) {
    float product[4][4];
    multiply_tile(memory, arguments.centroids, first, arguments.count,
                  arguments.queries.rows + first_row * arguments.queries.dim, r, rows, arguments.queries.dim,
                  product);
    TARTAN_UNROLL
    for (int i = 0; i < 4; i++) {
      TARTAN_UNROLL
      for (int j = 0; j < 4; j++) {
        const int64_t row = r + column_of(j);
        if (row_of(i) >= count || row >= rows) continue;
        scores[(first + row_of(i)) * rows + row] = product[i][j];
        if (product[i][j] > top[i]) top[i] = product[i][j];
      }
    }
  }
  TARTAN_UNROLL
  for (int i = 0; i < 4; i++) tops[row_of(i) * 16 + column_of(0)] = top[i];
  sync_block();
  if (threadIdx.x < count) {
    float most = -infinity();
    for (int j = 0; j < 16; j++) {
      const float x = tops[threadIdx.x * 16 + j];
      most = greater(x, most);
    }
    best[first + threadIdx.x] = most;
  }
}
