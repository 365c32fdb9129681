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
import java.util.SplittableRandom;

/**
 * An orthogonal matrix that the residuals are rotated by, so that every dimension of them has about
 * the same distribution and one set of bucket weights fits all. Dot products stay what they were.
 * Immutable; names memory that belongs to whoever opened or made it.
 *
 * @param matrix [dim, dim]; element j of a rotated row is its dot product with row j
 */
public record Rotation(Matrix matrix) {
  private static final long SEED = 20_261_124;

  /** Rows rotated at a time where they are many; bounds memory. */
  private static final long STEP = 1 << 15;

  public Rotation {
    if (matrix.rows() != matrix.dim()) {
      throw new IllegalArgumentException("a rotation is square");
    }
  }

  /** A random one, the same for every {@code dim} on every run: Gaussian rows, made orthonormal. */
  static Rotation random(int dim, Arena arena) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[][] rows = new double[dim][dim];
    Matrix matrix = Matrix.allocate(arena, dim, dim);
    for (int i = 0; i < dim; i++) {
      for (int d = 0; d < dim; d++) {
        rows[i][d] = random.nextGaussian();
      }
      for (int pass = 0; pass < 2; pass++) { // Gram and Schmidt: twice is enough
        for (int j = 0; j < i; j++) {
          add(rows[i], -dot(rows[i], rows[j]), rows[j]);
        }
        scale(rows[i], 1 / Math.sqrt(dot(rows[i], rows[i])));
      }
      for (int d = 0; d < dim; d++) {
        matrix.set(i, d, (float) rows[i][d]);
      }
    }
    return new Rotation(matrix);
  }

  /** The rotation back, in {@code arena}. */
  public Rotation inverse(Arena arena) {
    int dim = matrix.dim();
    Matrix transposed = Matrix.allocate(arena, dim, dim);
    for (int i = 0; i < dim; i++) {
      for (int d = 0; d < dim; d++) {
        transposed.set(d, i, matrix.get(i, d));
      }
    }
    return new Rotation(transposed);
  }

  /**
   * Rotated rows in {@code scope}, equal to the bit in all backends.
   *
   * @param rows F32 [n, dim]
   * @return F32 [n, dim]
   */
  public Buffer apply(Buffer rows, Backend backend, Scope scope) {
    // A product of two matrices is what centroid scores are: the matrix is the query.
    int dim = matrix.dim();
    int blocks = Math.ceilDiv(dim, QueryBatch.MAX_ROWS);
    int[] offsets = new int[blocks + 1];
    for (int b = 0; b <= blocks; b++) {
      offsets[b] = Math.min(dim, b * QueryBatch.MAX_ROWS);
    }
    QueryBatch batch = new QueryBatch(scope.wrap(matrix), offsets);
    CentroidScores products = CentroidScores.allocate(scope, batch, Math.toIntExact(rows.rows()));
    backend.centroidScores(batch, rows, products);
    return blocks == 1
        ? products.scores().reshape(dim)
        : joined(products.scores(), offsets, rows.rows(), scope);
  }

  /** Rotates rows where they are. */
  public void apply(Matrix rows, Backend backend) {
    for (long first = 0; first < rows.rows(); first += STEP) {
      Matrix part = rows.slice(first, Math.min(STEP, rows.rows() - first));
      try (Scope scope = backend.openScope()) {
        apply(scope.wrap(part), backend, scope).copyTo(part.data());
      }
    }
  }

  /** Blocks of columns, one after the other, as rows of all columns. */
  private Buffer joined(Buffer blocks, int[] offsets, long rows, Scope scope) {
    int dim = matrix.dim();
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

  private static void scale(double[] row, double by) {
    for (int d = 0; d < row.length; d++) {
      row[d] *= by;
    }
  }
}
