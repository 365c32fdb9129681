package dev.tartan.codec;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * Spherical k-means: rows and centroids of unit length, nearest by dot product. Sums are integers,
 * so the result is the same for any number of threads, on every run with one seed.
 */
final class KMeans {
  /** Rows a step of the assignment; bounds memory and paces the progress. */
  private static final long STEP = 1 << 17;

  private static final double FIXED = 0x1p32;
  private static final double LEAST = 0.1;

  /** Rows of the average cosine that a centroid is taken to have beside its own. */
  private static final double PRIOR = 2;

  private final Backend backend;
  private final Progress progress;
  private final SplittableRandom random;
  private double[] lengths = {};
  private long[] rowsOf = {};

  KMeans(Backend backend, Progress progress, long seed) {
    this.backend = backend;
    this.progress = progress;
    this.random = new SplittableRandom(seed);
  }

  /**
   * {@code count} centroids of {@code rows}, in {@code arena}.
   *
   * @param rows [n, dim] of unit length, in random order: the first {@code count} are the start
   * @param count 1 to n
   */
  Matrix train(Matrix rows, int count, int iterations, Arena arena) {
    Matrix centroids = Matrix.allocate(arena, count, rows.dim());
    centroids.data().copyFrom(rows.slice(0, count).data());
    lengths = new double[count];
    rowsOf = new long[count];
    progress.stage("clustering", "tokens", rows.rows() * iterations);
    for (int i = 0; i < iterations; i++) {
      step(rows, centroids);
    }
    return centroids;
  }

  private void step(Matrix rows, Matrix centroids) {
    try (Arena arena = Arena.ofShared();
        Scope scope = backend.openScope()) {
      MemorySegment sums = arena.allocate(centroids.rows() * centroids.dim() * Long.BYTES, 64);
      MemorySegment counts = arena.allocate(centroids.rows() * Long.BYTES, 64);
      Buffer sumsBuffer = scope.allocate(DType.I64, centroids.rows(), centroids.dim());
      Buffer countsBuffer = scope.allocate(DType.I64, centroids.rows(), 1);
      sumsBuffer.copyFrom(sums);
      countsBuffer.copyFrom(counts);
      Buffer centroidBuffer = scope.wrap(centroids);
      Buffer codes = scope.allocate(DType.I32, Math.min(STEP, rows.rows()), 1);
      for (long first = 0; first < rows.rows(); first += STEP) {
        long n = Math.min(STEP, rows.rows() - first);
        try (Scope step = backend.openScope()) {
          Buffer part = step.wrap(rows.slice(first, n));
          backend.nearestCentroids(part, centroidBuffer, codes.slice(0, n));
          backend.accumulateCentroids(part, codes.slice(0, n), sumsBuffer, countsBuffer);
        }
        progress.advance(n);
      }
      sumsBuffer.copyTo(sums);
      countsBuffer.copyTo(counts);
      for (long c = 0; c < centroids.rows(); c++) {
        rowsOf[(int) c] = counts.getAtIndex(Layouts.I64, c);
        move(rows, centroids, c, sums);
      }
    }
  }

  /**
   * Puts a centroid at the direction of its sum; one without rows (or direction) starts again at a
   * random row.
   */
  private void move(Matrix rows, Matrix centroids, long c, MemorySegment sums) {
    int dim = centroids.dim();
    double squares = 0;
    for (int d = 0; d < dim; d++) {
      double sum = sums.getAtIndex(Layouts.I64, c * dim + d);
      squares += sum * sum;
    }
    if (squares == 0) {
      rowsOf[(int) c] = 0;
      centroids.slice(c, 1).data().copyFrom(rows.slice(random.nextLong(rows.rows()), 1).data());
      return;
    }
    double inverse = 1 / Math.sqrt(squares);
    lengths[(int) c] = Math.sqrt(squares) / FIXED;
    for (int d = 0; d < dim; d++) {
      centroids.set(c, d, (float) (sums.getAtIndex(Layouts.I64, c * dim + d) * inverse));
    }
  }

  /**
   * For each centroid that was trained last the mean cosine with it of rows to come. A row is
   * closer to the direction of a sum that it is part of than another would be, so that each is
   * compared with the sum of the others: with n rows and a sum of length L, the mean is (L^2 - n) /
   * ((n - 1) L).
   */
  double[] expectedCosines() {
    double all = 0;
    long several = 0;
    for (int c = 0; c < lengths.length; c++) {
      if (rowsOf[c] > 1) {
        all += rowsOf[c] * ownCosine(c);
        several += rowsOf[c];
      }
    }
    double mean = several == 0 ? 1 : all / several;
    double[] cosines = new double[lengths.length];
    for (int c = 0; c < lengths.length; c++) {
      double own = rowsOf[c] > 1 ? rowsOf[c] : 0;
      double sum = (own > 0 ? own * ownCosine(c) : 0) + PRIOR * mean;
      cosines[c] = Math.clamp(sum / (own + PRIOR), LEAST, 1);
    }
    return cosines;
  }

  private double ownCosine(int c) {
    double length = lengths[c];
    return (length * length - rowsOf[c]) / ((rowsOf[c] - 1) * length);
  }
}
