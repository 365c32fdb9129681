// sums[codes[i]] += fixed(rows[i]), counts[codes[i]] += 1, fixed(x) = x * 2^32 to the nearest integer, ties to even.
//
// Shapes: rows float [n, dim], codes int32 [n], sums int64 [K, dim], counts int64 [K]. A block takes a row at a time, a thread
// a dimension; integers, so that the order of the additions does not matter. Bytes a row: dim * 4 read, dim * 8 added to.
#include "tartan.cuh"

TARTAN_KERNEL(tartan_accumulate_centroids, 256, AccumulateCentroidsArguments) {
  const View<const float> rows(arguments.rows);
  const View<const int32_t> codes(arguments.codes);
  const View<int64_t> sums(arguments.sums);
  const View<int64_t> counts(arguments.counts);
  for (int64_t i = blockIdx.x; i < arguments.n; i += gridDim.x) {
    const int64_t code = codes[i];
    if (static_cast<uint64_t>(code) >= static_cast<uint64_t>(arguments.count)) {
      atomic_max(View<int32_t>(arguments.status), 0, static_cast<int32_t>(kBadCode));
      continue;
    }
    if (threadIdx.x == 0) atomic_add(counts, code, static_cast<int64_t>(1));
    for (int d = threadIdx.x; d < arguments.dim; d += blockDim.x) {
      const double fixed = rint(static_cast<double>(rows[i * arguments.dim + d]) * 4294967296.0);
      atomic_add(sums, code * arguments.dim + d, static_cast<int64_t>(fixed));
    }
  }
}
