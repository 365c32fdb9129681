// Dot products of 64 rows with 64 centroids by a block of 256: each the chain s = fmaf(row[d], centroid[d], s) over d from
// s = 0, whatever the tile, so that scores and codes are equal to the bit on every backend.
//
// A thread has 4 x 4 products. 16 dimensions at a time are in shared memory, the next 16 on their way (cp.async). Bytes read:
// (64 + 64) * dim * 4 a tile of 4,096 products.
#ifndef TARTAN_PRODUCT_CUH
#define TARTAN_PRODUCT_CUH

#include "tartan.cuh"

constexpr int kTile = 64;
constexpr int kDepth = 8;  // dimensions at a time: dim is a multiple of it
constexpr int kStride =
    kDepth + 4;  // floats a row in shared memory: rows of a warp fall into different banks
constexpr int kPanel = kTile * kStride;         // floats of one matrix
constexpr int kProductFloats = 2 * 2 * kPanel;  // two matrices, twice

// Starts to copy the dimensions [d, d + kDepth) of up to 64 rows; rows beyond `count` repeat the last.
TARTAN_DEVICE void fetch_rows(View<float> to, const float* rows, int64_t first, int64_t count, int dim,
                              int d) {
  constexpr int kPieces = kDepth / 4;
  for (int i = threadIdx.x; i < kTile * kPieces; i += 256) {
    const int64_t row = smaller(first + i / kPieces, count - 1);
    copy_async<16>(to, i / kPieces * kStride + i % kPieces * 4, View<const float>(rows),
                   row * dim + d + i % kPieces * 4);
  }
}

// product[i][j]: row row_of(i) of `a` from a_first on, row column_of(j) of `b` from b_first on.
TARTAN_DEVICE int row_of(int i) { return threadIdx.x / 16 + i * 16; }
TARTAN_DEVICE int column_of(int j) { return threadIdx.x % 16 + j * 16; }

TARTAN_DEVICE void multiply_tile(View<float> memory, const float* a, int64_t a_first, int64_t a_count,
                                 const float* b, int64_t b_first, int64_t b_count, int dim,
                                 float (&product)[4][4]) {
  TARTAN_UNROLL
  for (int i = 0; i < 4; i++) {
    TARTAN_UNROLL
    for (int j = 0; j < 4; j++) product[i][j] = 0;
  }
  fetch_rows(memory, a, a_first, a_count, dim, 0);
  fetch_rows(memory + kPanel, b, b_first, b_count, dim, 0);
  commit_async();
  for (int d = 0; d < dim; d += kDepth) {
    const View<float> now = memory + (d / kDepth % 2) * 2 * kPanel;
    const View<float> next = memory + (d / kDepth % 2 ^ 1) * 2 * kPanel;
    if (d + kDepth < dim) {
      fetch_rows(next, a, a_first, a_count, dim, d + kDepth);
      fetch_rows(next + kPanel, b, b_first, b_count, dim, d + kDepth);
    }
    commit_async();
    wait_async<1>();
    sync_block();
    TARTAN_UNROLL
    for (int k = 0; k < kDepth; k += 4) {
      float4 x[4], y[4];
      TARTAN_UNROLL
      for (int i = 0; i < 4; i++) x[i] = load_as<float4>(now, row_of(i) * kStride + k);
      TARTAN_UNROLL
      for (int j = 0; j < 4; j++) y[j] = load_as<float4>(now + kPanel, column_of(j) * kStride + k);
      TARTAN_UNROLL
      for (int i = 0; i < 4; i++) {
        TARTAN_UNROLL
        for (int j = 0; j < 4; j++) {
          float s = product[i][j];
          s = fmaf(x[i].x, y[j].x, s);
          s = fmaf(x[i].y, y[j].y, s);
          s = fmaf(x[i].z, y[j].z, s);
          product[i][j] = fmaf(x[i].w, y[j].w, s);
        }
      }
    }
    sync_block();
  }
}

#endif
