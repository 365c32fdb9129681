package dev.tartan.codec;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * What token embeddings and queries are multiplied by before they meet the tables of a codec: a
 * rotation, but for a mild stretch along the axes of the residuals. The rotation gives every
 * dimension of a residual about the same distribution, so that one set of bucket weights fits all;
 * the stretch puts the error where residuals are long. With matrices A of embeddings and B of
 * queries, B is the transposed inverse of A, so that dot products stay what they were; neither
 * lengthens an embedding nor shortens a query. Immutable; names memory that belongs to whoever
 * opened or trained it.
 *
 * @param embeddings A, [dim, dim]; element j of a product is the dot product with row j
 * @param queries B, [dim, dim]
 */
public record Rotation(Matrix embeddings, Matrix queries) {
  private static final long SEED = 20_261_124;

  /** Beyond this width axes are not looked for: their cost grows with its cube. */
  private static final int WIDEST = 256;

  /** No axis is taken to have less than this share of the variance of the greatest. */
  private static final double LEAST_VARIANCE = 1.0 / 256;

  public Rotation {
    int dim = embeddings.dim();
    if (embeddings.rows() != dim || queries.rows() != dim || queries.dim() != dim) {
      throw new IllegalArgumentException("a rotation is two square matrices of one width");
    }
  }

  /**
   * The rotation for residuals of a second moment. With buckets alike in all dimensions, an axis of
   * variance s^2 that is divided by a before and multiplied by it after has an error in proportion
   * to a^2; their sum over the axes is least, for a given sum of s^2 / a^2, where a^2 = s.
   *
   * @param moment [dim][dim], symmetric; overwritten
   * @param arena where the matrices will live
   */
  static Rotation of(double[][] moment, Arena arena) {
    int dim = moment.length;
    double[][] axes = new double[dim][dim];
    double[] stretch = new double[dim];
    Arrays.fill(stretch, 1);
    if (dim <= WIDEST) {
      SymmetricMatrix.diagonalise(moment, axes);
      double greatest = 0;
      for (int d = 0; d < dim; d++) {
        greatest = Math.max(greatest, moment[d][d]);
      }
      double least = greatest;
      for (int d = 0; d < dim; d++) {
        stretch[d] = Math.max(moment[d][d], greatest * LEAST_VARIANCE);
        least = Math.min(least, stretch[d]);
      }
      for (int d = 0; d < dim; d++) {
        stretch[d] = greatest > 0 ? Math.sqrt(Math.sqrt(stretch[d] / least)) : 1;
      }
    } else {
      for (int d = 0; d < dim; d++) {
        axes[d][d] = 1;
      }
    }
    double[][] random = random(dim);
    Matrix embeddings = Matrix.allocate(arena, dim, dim);
    Matrix queries = Matrix.allocate(arena, dim, dim);
    for (int i = 0; i < dim; i++) {
      double[] a = new double[dim];
      double[] b = new double[dim];
      for (int j = 0; j < dim; j++) {
        add(a, random[i][j] / stretch[j], axes[j]);
        add(b, random[i][j] * stretch[j], axes[j]);
      }
      for (int d = 0; d < dim; d++) {
        embeddings.set(i, d, (float) a[d]);
        queries.set(i, d, (float) b[d]);
      }
    }
    return new Rotation(embeddings, queries);
  }

  /** Gaussian rows, made orthonormal; the same for every {@code dim} on every run. */
  private static double[][] random(int dim) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[][] rows = new double[dim][dim];
    for (int i = 0; i < dim; i++) {
      for (int d = 0; d < dim; d++) {
        rows[i][d] = random.nextGaussian();
      }
      for (int pass = 0; pass < 2; pass++) { // Gram and Schmidt: twice is enough
        for (int j = 0; j < i; j++) {
          add(rows[i], -dot(rows[i], rows[j]), rows[j]);
        }
      }
      double inverse = 1 / Math.sqrt(dot(rows[i], rows[i]));
      for (int d = 0; d < dim; d++) {
        rows[i][d] *= inverse;
      }
    }
    return rows;
  }

  /**
   * Token embeddings or centroids (of queries: {@link QueryRotation}) for the tables, in {@code
   * scope}; equal to the bit in all backends.
   *
   * @param rows F32 [n, dim]
   * @return F32 [n, dim]
   */
  public Buffer rotate(Buffer rows, Backend backend, Scope scope) {
    return product(scope.wrap(embeddings), rows, backend, scope);
  }

  /** Token embeddings or centroids as they were before {@link #rotate}. */
  public Buffer rotateBack(Buffer rows, Backend backend, Scope scope) {
    int dim = queries.dim();
    float[] transposed = new float[dim * dim];
    for (int i = 0; i < dim; i++) {
      for (int d = 0; d < dim; d++) {
        transposed[d * dim + i] = queries.get(i, d);
      }
    }
    Buffer matrix = scope.allocate(DType.F32, dim, dim);
    matrix.copyFrom(MemorySegment.ofArray(transposed));
    return product(matrix, rows, backend, scope);
  }

  private static Buffer product(Buffer matrix, Buffer rows, Backend backend, Scope scope) {
    // A product of two matrices is what centroid scores are: the matrix is the query.
    int dim = matrix.columns();
    int blocks = Math.ceilDiv(dim, QueryBatch.MAX_ROWS);
    int[] offsets = new int[blocks + 1];
    for (int b = 0; b <= blocks; b++) {
      offsets[b] = Math.min(dim, b * QueryBatch.MAX_ROWS);
    }
    QueryBatch batch = new QueryBatch(matrix, offsets);
    CentroidScores products = CentroidScores.allocate(scope, batch, Math.toIntExact(rows.rows()));
    backend.centroidScores(batch, rows, products);
    return blocks == 1
        ? products.scores().reshape(dim)
        : joined(products.scores(), offsets, rows.rows(), scope);
  }

  /** Blocks of columns, one after the other, as rows of all columns. */
  private static Buffer joined(Buffer blocks, int[] offsets, long rows, Scope scope) {
    int dim = offsets[offsets.length - 1];
    Buffer joined = scope.allocate(DType.F32, rows, dim);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(blocks.bytes(), 64);
      MemorySegment to = arena.allocate(blocks.bytes(), 64);
      blocks.copyTo(from);
      for (int b = 0; b + 1 < offsets.length; b++) {
        long width = (offsets[b + 1] - offsets[b]) * Layouts.F32.byteSize();
        long start = rows * offsets[b] * Layouts.F32.byteSize();
        for (long r = 0; r < rows; r++) {
          long target = (r * dim + offsets[b]) * Layouts.F32.byteSize();
          MemorySegment.copy(from, start + r * width, to, target, width);
        }
      }
      joined.copyFrom(to);
    }
    return joined;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int d = 0; d < a.length; d++) {
      sum += a[d] * b[d];
    }
    return sum;
  }

  private static void add(double[] to, double by, double[] from) {
    for (int d = 0; d < to.length; d++) {
      to[d] += by * from[d];
    }
  }
}
