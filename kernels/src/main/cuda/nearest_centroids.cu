// codes[i] = the centroid of the greatest dot(rows[i], centroid), ties to the lower; 0 if all are NaN.
//
// Shapes: rows float [n, dim], centroids float [K, dim], codes int32 [n]. A block takes 64 rows and meets all centroids, 64 at a
// time (product.cuh). Centroids are read from L2 once for every 64 rows.
#include "product.cuh"

TARTAN_KERNEL_OF_BLOCKS(tartan_nearest_centroids, 256, 2, NearestCentroidsArguments) {
  TARTAN_SHARED(float, memory, kProductFloats);
  TARTAN_SHARED(float, tops, kTile * 16);
  TARTAN_SHARED(int32_t, tops_at, kTile * 16);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kTile;
  float top[4];
  int32_t at[4];
  TARTAN_UNROLL
  for (int i = 0; i < 4; i++) top[i] = -infinity(), at[i] = 0;
  for (int64_t c = 0; c < arguments.count; c += kTile) {
    float product[4][4];
    multiply_tile(memory, arguments.rows, first, arguments.n, arguments.centroids, c, arguments.count,
                  arguments.dim, product);
    TARTAN_UNROLL
    for (int i = 0; i < 4; i++) {
      TARTAN_UNROLL
      for (int j = 0; j < 4; j++) {
        const int64_t centroid = c + column_of(j);
        if (centroid < arguments.count && product[i][j] > top[i]) {
          top[i] = product[i][j];
          at[i] = static_cast<int32_t>(centroid);
        }
      }
    }
  }
  TARTAN_UNROLL
  for (int i = 0; i < 4; i++) {
    tops[row_of(i) * 16 + column_of(0)] = top[i];
    tops_at[row_of(i) * 16 + column_of(0)] = at[i];
  }
  sync_block();
  const int64_t row = first + threadIdx.x;
  if (threadIdx.x < kTile && row < arguments.n) {
    float most = -infinity();
    int32_t code = 0;
    for (int j = 0; j < 16; j++) {
      const float x = tops[threadIdx.x * 16 + j];
      const int32_t centroid = tops_at[threadIdx.x * 16 + j];
      if (x > most || (x == most && x > -infinity() && centroid < code)) {
        most = x;
        code = centroid;
      }
    }
    View<int32_t>(arguments.codes)[row] = code;
  }
}
