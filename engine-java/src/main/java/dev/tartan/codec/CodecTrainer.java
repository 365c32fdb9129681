package dev.tartan.codec;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Makes a codec from a sample of token embeddings: centroids by k-means, and buckets from the
 * residuals of held-out rows. As published, cutoffs and weights are quantiles of them (ColBERTv2,
 * 2112.01488, section 3.3; bucket b of B has its cutoffs at b/B and (b+1)/B and its weight at
 * (b+1/2)/B). Of Tartan's kind, everything is rotated, a centroid is the mean of its rows and not
 * its direction, and the weights are those of least squared error.
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
   * @param sample [n, dim] of unit length, n at least 1, in random order; rotated in place if the
   *     codec rotates
   * @param count centroids wanted; fewer are made of a smaller sample
   * @param nbits 1, 2, 3, 4, 8, or 16 for no compression
   * @param arena where the tables will live
   */
  public ResidualCodec train(
      Matrix sample, int count, ResidualCodec.Kind kind, int nbits, Arena arena) {
    ResidualCodec.requireBits(nbits);
    boolean scaled = kind == ResidualCodec.Kind.TARTAN && nbits != ResidualCodec.UNCOMPRESSED;
    Rotation rotation = scaled ? Rotation.random(sample.dim(), arena) : null;
    if (rotation != null) {
      rotation.apply(sample, backend);
    }
    long heldOut = Math.min((long) (sample.rows() * HELD_OUT), MAX_HELD_OUT);
    Matrix rows = sample.slice(heldOut, sample.rows() - heldOut);
    int centroids = (int) Math.min(count, rows.rows());
    KMeans means = new KMeans(backend, progress, SEED);
    Matrix trained = means.train(rows, centroids, ITERATIONS, arena);
    int buckets = nbits == ResidualCodec.UNCOMPRESSED ? 0 : 1 << nbits;
    MemorySegment cutoffs = arena.allocate(Math.max(0, buckets - 1) * (long) Float.BYTES, 64);
    MemorySegment weights = arena.allocate(buckets * (long) Float.BYTES, 64);
    Matrix tested = heldOut > 0 ? sample.slice(0, heldOut) : sample;
    if (scaled) {
      int[] codes = codes(tested, trained);
      means.shrink(trained);
      BucketTrainer.lloydMax(residuals(tested, trained, codes, true), cutoffs, weights);
    } else if (buckets > 0) {
      float[] residuals = residuals(tested, trained, codes(tested, trained), false);
      BucketTrainer.quantiles(residuals, 0, cutoffs);
      BucketTrainer.quantiles(residuals, 0.5, weights);
    }
    return new ResidualCodec(kind, nbits, trained, cutoffs, weights, rotation);
  }

  private int[] codes(Matrix rows, Matrix centroids) {
    try (Scope scope = backend.openScope();
        Arena arena = Arena.ofShared()) {
      MemorySegment codes = arena.allocate(rows.rows() * Integer.BYTES, 64);
      backend.nearestCentroids(
          scope.wrap(rows), scope.wrap(centroids), scope.wrap(DType.I32, 1, codes));
      return codes.toArray(Layouts.I32);
    }
  }

  /**
   * All residual values of {@code rows}, ascending.
   *
   * @param normalised whether each row is first divided by the root of the mean of its squares, as
   *     {@link Backend#compress} does
   */
  private static float[] residuals(Matrix rows, Matrix centroids, int[] codes, boolean normalised) {
    int dim = rows.dim();
    float[] residuals = new float[Math.toIntExact(rows.rows() * dim)];
    int n = 0;
    for (int i = 0; i < rows.rows(); i++) {
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        float value = rows.get(i, d) - centroids.get(codes[i], d);
        residuals[n + d] = value;
        squares += (double) value * value;
      }
      double inverse = normalised ? Math.sqrt(dim / squares) : 1;
      if (!Double.isFinite(inverse)) {
        continue; // a row that is its centroid says nothing
      }
      for (int d = 0; d < dim; d++) {
        residuals[n + d] = (float) (residuals[n + d] * inverse);
      }
      n += dim;
    }
    float[] all = Arrays.copyOf(residuals, n);
    Arrays.parallelSort(all);
    return all;
  }
}
