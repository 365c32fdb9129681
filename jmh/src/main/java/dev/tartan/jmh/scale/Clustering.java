package dev.tartan.jmh.scale;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Spherical k-means of rows of unit length, on nothing but the backend's nearest centroids. */
final class Clustering {
  private static final int SAMPLE = 16;
  private static final int ITERATIONS = 3;
  private static final long STEP = 1 << 15;
  private static final long SEED = 99;

  private Clustering() {}

  /**
   * Centroids, [count, dim] of unit length.
   *
   * @param rows [n, dim] of unit length, n at least {@code count}
   */
  static float[] train(float[] rows, int dim, int count, Backend backend) {
    float[] sample = sample(rows, dim, Math.min(rows.length / dim, SAMPLE * count));
    float[] centroids = sample(sample, dim, count);
    for (int i = 0; i < ITERATIONS; i++) {
      int[] codes = codes(sample, dim, centroids, backend);
      float[] sums = new float[centroids.length];
      for (int r = 0; r < codes.length; r++) {
        Vectors.add(sums, codes[r] * dim, 1, sample, r * dim, dim);
      }
      for (int c = 0; c < count; c++) {
        if (Vectors.normalize(sums, c * dim, dim) > 0) {
          System.arraycopy(sums, c * dim, centroids, c * dim, dim);
        }
      }
    }
    return centroids;
  }

  /** {@code count} rows at random, without replacement. */
  private static float[] sample(float[] rows, int dim, int count) {
    float[] sample = new float[count * dim];
    int n = rows.length / dim;
    int taken = 0;
    for (int r = 0; taken < count; r++) {
      if (Seeds.below(Seeds.mix(SEED, r), n - r) < count - taken) {
        System.arraycopy(rows, r * dim, sample, taken++ * dim, dim);
      }
    }
    return sample;
  }

  /** The nearest centroid of each row. */
  static int[] codes(float[] rows, int dim, float[] centroids, Backend backend) {
    int n = rows.length / dim;
    int[] codes = new int[n];
    try (Arena arena = Arena.ofShared();
        Scope scope = backend.openScope()) {
      Buffer table = scope.wrap(Vectors.matrix(centroids, dim, arena));
      Matrix part = Matrix.allocate(arena, Math.min(STEP, n), dim);
      Buffer out = scope.allocate(DType.I32, part.rows(), 1);
      MemorySegment copy = arena.allocate(out.bytes(), 4);
      for (int first = 0; first < n; first += (int) STEP) {
        int count = (int) Math.min(STEP, n - first);
        MemorySegment.copy(rows, first * dim, part.data(), Layouts.F32, 0, count * dim);
        backend.nearestCentroids(scope.wrap(part.slice(0, count)), table, out.slice(0, count));
        out.slice(0, count).copyTo(copy.asSlice(0, (long) count * Integer.BYTES));
        MemorySegment.copy(copy, Layouts.I32, 0, codes, first, count);
      }
    }
    return codes;
  }
}
