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
 * Makes a codec from a sample of token embeddings: centroids by k-means, and buckets from the
 * residuals of held-out rows. As published, cutoffs and weights are quantiles of them (ColBERTv2,
 * 2112.01488, section 3.3; bucket b of B has its cutoffs at b/B and (b+1)/B and its weight at
 * (b+1/2)/B). Of Tartan's kind, a centroid is the mean of its rows and not its direction,
 * everything is rotated, and the weights are those of least squared error.
 */
public final class CodecTrainer {
  /**
   * Sampled rows a centroid: more would hardly move the centroids, and the sample is what bounds
   * memory.
   */
  public static final int ROWS_PER_CENTROID = 32;

  private static final int ITERATIONS = 4;
  private static final long STEP = 1 << 15;
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
   * What all codecs of a sample share.
   *
   * @param centroids [K, dim] of unit length
   * @param cosines [K]: the mean cosine with its centroid that a row to come is expected to have
   * @param heldOut rows of the sample that the centroids were not made of, where it has enough
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Clusters(Matrix centroids, double[] cosines, Matrix heldOut) {}

  /**
   * Trains a codec: {@link #cluster}, then {@link #train(Clusters, ResidualCodec.Kind, int,
   * Arena)}.
   */
  public ResidualCodec train(
      Matrix sample, int count, ResidualCodec.Kind kind, int nbits, Arena arena) {
    ResidualCodec.requireBits(nbits);
    return train(cluster(sample, count, arena), kind, nbits, arena);
  }

  /**
   * The centroids of a sample.
   *
   * @param sample [n, dim] of unit length, n at least 1, in random order
   * @param count centroids wanted; fewer are made of a smaller sample
   * @param arena where they will live
   */
  public Clusters cluster(Matrix sample, int count, Arena arena) {
    long heldOut = Math.min((long) (sample.rows() * HELD_OUT), MAX_HELD_OUT);
    Matrix rows = sample.slice(heldOut, sample.rows() - heldOut);
    int centroids = (int) Math.min(count, rows.rows());
    KMeans means = new KMeans(backend, progress, SEED);
    Matrix trained = means.train(rows, centroids, ITERATIONS, arena);
    Matrix tested = heldOut > 0 ? sample.slice(0, heldOut) : sample;
    return new Clusters(trained, means.expectedCosines(), tested);
  }

  /**
   * The tables of a kind of codec.
   *
   * @param nbits 1, 2, 3, 4, 8, or 16 for no compression
   * @param arena where they will live
   */
  public ResidualCodec train(Clusters clusters, ResidualCodec.Kind kind, int nbits, Arena arena) {
    ResidualCodec.requireBits(nbits);
    Matrix centroids = clusters.centroids;
    if (nbits == ResidualCodec.UNCOMPRESSED) {
      MemorySegment none = arena.allocate(0);
      return new ResidualCodec(kind, nbits, centroids, none, none, null);
    }
    int[] codes = codes(clusters.heldOut, centroids);
    MemorySegment cutoffs = arena.allocate(((1L << nbits) - 1) * Float.BYTES, 64);
    MemorySegment weights = arena.allocate((1L << nbits) * Float.BYTES, 64);
    if (kind == ResidualCodec.Kind.COLBERTV2) {
      float[] residuals = sorted(residuals(clusters.heldOut, centroids, codes));
      BucketTrainer.quantiles(residuals, 0, cutoffs);
      BucketTrainer.quantiles(residuals, 0.5, weights);
      return new ResidualCodec(kind, nbits, centroids, cutoffs, weights, null);
    }
    Matrix means = means(clusters, arena);
    float[] residuals = residuals(clusters.heldOut, means, codes);
    Rotation rotation = Rotation.of(secondMoment(residuals, means.dim()), arena);
    rotate(rotation, means.data());
    rotate(rotation, MemorySegment.ofArray(residuals));
    BucketTrainer.lloydMax(sorted(normalised(residuals, means.dim())), cutoffs, weights);
    return new ResidualCodec(kind, nbits, means, cutoffs, weights, rotation);
  }

  /** The expected means of the rows of each centroid: as long as their cosines are great. */
  private static Matrix means(Clusters clusters, Arena arena) {
    Matrix directions = clusters.centroids;
    Matrix means = Matrix.allocate(arena, directions.rows(), directions.dim());
    for (int c = 0; c < means.rows(); c++) {
      for (int d = 0; d < means.dim(); d++) {
        means.set(c, d, (float) (directions.get(c, d) * clusters.cosines[c]));
      }
    }
    return means;
  }

  /** Rotates rows where they are. */
  private void rotate(Rotation rotation, MemorySegment rows) {
    int dim = rotation.embeddings().dim();
    long rowBytes = (long) dim * Float.BYTES;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment copy = arena.allocate(Math.min(rows.byteSize(), STEP * rowBytes), 64);
      for (long at = 0; at < rows.byteSize(); at += copy.byteSize()) {
        MemorySegment part = rows.asSlice(at, Math.min(copy.byteSize(), rows.byteSize() - at));
        MemorySegment from = copy.asSlice(0, part.byteSize()).copyFrom(part);
        try (Scope scope = backend.openScope()) {
          Buffer rotated = rotation.rotate(scope.wrap(DType.F32, dim, from), backend, scope);
          rotated.copyTo(part);
        }
      }
    }
  }

  private int[] codes(Matrix rows, Matrix centroids) {
    try (Scope scope = backend.openScope();
        Arena arena = Arena.ofShared()) {
      Buffer codes = scope.allocate(DType.I32, rows.rows(), 1);
      backend.nearestCentroids(scope.wrap(rows), scope.wrap(centroids), codes);
      MemorySegment copy = arena.allocate(codes.bytes(), 64);
      codes.copyTo(copy);
      return copy.toArray(Layouts.I32);
    }
  }

  /** What {@code rows} differ from their centroids by, [n * dim]. */
  private static float[] residuals(Matrix rows, Matrix centroids, int[] codes) {
    int dim = rows.dim();
    float[] residuals = new float[Math.toIntExact(rows.rows() * dim)];
    for (int i = 0; i < rows.rows(); i++) {
      for (int d = 0; d < dim; d++) {
        residuals[i * dim + d] = rows.get(i, d) - centroids.get(codes[i], d);
      }
    }
    return residuals;
  }

  private static double[][] secondMoment(float[] residuals, int dim) {
    double[][] moment = new double[dim][dim];
    for (int first = 0; first < residuals.length; first += dim) {
      for (int i = 0; i < dim; i++) {
        double x = residuals[first + i];
        for (int j = 0; j <= i; j++) {
          moment[i][j] += x * residuals[first + j];
        }
      }
    }
    for (int i = 0; i < dim; i++) {
      for (int j = 0; j < i; j++) {
        moment[j][i] = moment[i][j];
      }
    }
    return moment;
  }

  /**
   * The rows divided by the root of the mean of their squares, as {@link Backend#compress} does,
   * but for those that are zero.
   */
  private static float[] normalised(float[] residuals, int dim) {
    float[] all = new float[residuals.length];
    int n = 0;
    for (int first = 0; first < residuals.length; first += dim) {
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        squares += (double) residuals[first + d] * residuals[first + d];
      }
      double inverse = Math.sqrt(dim / squares);
      if (Double.isFinite(inverse)) {
        for (int d = 0; d < dim; d++) {
          all[n + d] = (float) (residuals[first + d] * inverse);
        }
        n += dim;
      }
    }
    return Arrays.copyOf(all, n);
  }

  private static float[] sorted(float[] values) {
    Arrays.parallelSort(values);
    return values;
  }
}
