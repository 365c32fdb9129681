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
import java.util.Arrays;

/**
 * Makes a codec from a sample of token embeddings: centroids by k-means, bucket cutoffs and weights
 * as quantiles of the residuals of held-out rows (ColBERTv2, 2112.01488, section 3.3; bucket b of B
 * has its cutoffs at b/B and (b+1)/B and its weight at (b+1/2)/B).
 */
public final class CodecTrainer {
  /**
   * Sampled rows a centroid: more would hardly move the centroids, and the sample is what bounds
   * memory.
   */
  public static final int ROWS_PER_CENTROID = 32;

  private static final int ITERATIONS = 4;
  private static final long SEED = 42;
  private static final double HELD_OUT = 0.05;
  private static final long MAX_HELD_OUT = 50_000;

  private final Backend backend;
  private final Progress progress;

  public CodecTrainer(Backend backend, Progress progress) {
    this.backend = backend;
    this.progress = progress;
  }

  /**
   * The published default: 2^floor(log2(16 sqrt(tokens))), and never more than there are tokens.
   */
  public static int defaultCentroids(long tokens) {
    long wanted = Long.highestOneBit(Math.max(1, (long) (16 * Math.sqrt((double) tokens))));
    return (int) Math.min(wanted, Math.max(1, Long.highestOneBit(tokens)));
  }

  /**
   * Trains a codec.
   *
   * @param sample [n, dim] of unit length, n at least 1, in random order
   * @param count centroids wanted; fewer are made of a smaller sample
   * @param nbits 1, 2, 4, 8, or 16 for no compression
   * @param arena where the tables will live
   */
  public ResidualCodec train(Matrix sample, int count, int nbits, Arena arena) {
    ResidualCodec.requireBits(nbits);
    long heldOut = Math.min((long) (sample.rows() * HELD_OUT), MAX_HELD_OUT);
    Matrix rows = sample.slice(heldOut, sample.rows() - heldOut);
    int centroids = (int) Math.min(count, rows.rows());
    Matrix trained = new KMeans(backend, progress, SEED).train(rows, centroids, ITERATIONS, arena);
    int buckets = nbits == ResidualCodec.UNCOMPRESSED ? 0 : 1 << nbits;
    MemorySegment cutoffs = arena.allocate(Math.max(0, buckets - 1) * (long) Float.BYTES, 64);
    MemorySegment weights = arena.allocate(buckets * (long) Float.BYTES, 64);
    if (buckets > 0) {
      float[] residuals = residuals(heldOut > 0 ? sample.slice(0, heldOut) : sample, trained);
      quantiles(residuals, 0, cutoffs);
      quantiles(residuals, 0.5, weights);
    }
    return new ResidualCodec(ResidualCodec.Kind.COLBERTV2, nbits, trained, cutoffs, weights);
  }

  /** All residual values of {@code rows}, ascending. */
  private float[] residuals(Matrix rows, Matrix centroids) {
    int dim = rows.dim();
    float[] residuals = new float[Math.toIntExact(rows.rows() * dim)];
    try (Scope scope = backend.openScope();
        Arena arena = Arena.ofShared()) {
      MemorySegment codes = arena.allocate(rows.rows() * Integer.BYTES, 64);
      Buffer buffer = scope.wrap(DType.I32, 1, codes);
      backend.nearestCentroids(scope.wrap(rows), scope.wrap(centroids), buffer);
      for (int i = 0; i < rows.rows(); i++) {
        int code = codes.getAtIndex(Layouts.I32, i);
        for (int d = 0; d < dim; d++) {
          residuals[i * dim + d] = rows.get(i, d) - centroids.get(code, d);
        }
      }
    }
    Arrays.parallelSort(residuals);
    return residuals;
  }

  /**
   * Fills {@code target} with quantiles of ascending {@code values}: with cutoffs (n of them, shift
   * 0) at (i + 1) / (n + 1), with weights (n of them, shift 1/2) at (i + 1/2) / n; linear
   * interpolation at q * (count - 1).
   */
  static void quantiles(float[] values, double shift, MemorySegment target) {
    int n = (int) (target.byteSize() / Float.BYTES);
    for (int i = 0; i < n; i++) {
      double q = shift == 0 ? (i + 1.0) / (n + 1) : (i + shift) / n;
      double at = q * (values.length - 1);
      int below = (int) at;
      int above = Math.min(below + 1, values.length - 1);
      double value = values[below] + (at - below) * ((double) values[above] - values[below]);
      target.setAtIndex(Layouts.F32, i, (float) value);
    }
  }
}
