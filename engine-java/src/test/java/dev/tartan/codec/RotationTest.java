package dev.tartan.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.Scope;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What embeddings and queries are multiplied by keeps their products. */
class RotationTest {
  @Test
  void productsAndEmbeddingsComeBack() {
    for (int dim : new int[] {8, 24, 128, 264}) {
      for (boolean stretched : new boolean[] {false, true}) {
        try (Arena arena = Arena.ofShared();
            Backend backend = Contenders.best(2);
            Scope scope = backend.openScope()) {
          Rotation rotation = Rotation.of(moment(dim, stretched), arena);
          Matrix rows = rows(arena, 1, 20, dim);
          Matrix queries = rows(arena, 2, 20, dim);
          Buffer rotated = rotation.rotate(scope.wrap(rows), backend, scope);
          float[] a = floats(rotated);
          QueryRotation.Room room = new QueryRotation(rotation).room(32);
          float[] b = room.rotate(queries).toArray(Layouts.F32);
          float[] back = floats(rotation.rotateBack(rotated, backend, scope));
          for (int i = 0; i < 20; i++) {
            double right = dot(rows.row(i), queries.row(i), 0);
            String what = "dim " + dim + " row " + i;
            assertEquals(right, dot(row(a, i, dim), row(b, i, dim), 0), 1e-5, what);
            assertEquals(0, dot(row(back, i, dim), rows.row(i), 1), 1e-10, what);
            assertTrue(dot(row(a, i, dim), row(a, i, dim), 0) <= 1 + 1e-5, what);
            assertTrue(dot(row(b, i, dim), row(b, i, dim), 0) >= 1 - 1e-5, what);
          }
        }
      }
    }
  }

  /** With as many buckets in every dimension, the error is the sum of the stretches squared. */
  @Test
  void stretchesTowardsTheLeastError() {
    int dim = 16;
    try (Arena arena = Arena.ofShared()) {
      Rotation rotation = Rotation.of(moment(dim, true), arena);
      double[][] moment = moment(dim, true);
      double before = 0;
      double variance = 0;
      double amplified = 0;
      for (int i = 0; i < dim; i++) {
        before += moment[i][i] * dim;
        for (int j = 0; j < dim; j++) {
          amplified += Math.pow(rotation.queries().get(i, j), 2);
          for (int k = 0; k < dim; k++) {
            float[] row = rotation.embeddings().row(i);
            variance += row[j] * moment[j][k] * row[k];
          }
        }
      }
      double expected = Math.pow(rootTrace(dim), 2);
      assertEquals(expected, variance * amplified, 1e-4 * expected);
      assertTrue(expected < 0.9 * before, expected + " of " + before);
    }
  }

  /** The sum of the square roots of the eigenvalues of {@link #moment}. */
  private static double rootTrace(int dim) {
    double sum = 0;
    for (int d = 0; d < dim; d++) {
      sum += Math.sqrt(variance(d, dim));
    }
    return sum;
  }

  private static double variance(int d, int dim) {
    return Math.exp(-3.0 * d / dim);
  }

  /** A diagonal matrix turned by one reflection, which leaves its eigenvalues. */
  private static double[][] moment(int dim, boolean stretched) {
    double[][] moment = new double[dim][dim];
    for (int i = 0; i < dim; i++) {
      for (int j = 0; j < dim; j++) {
        for (int d = 0; d < dim; d++) {
          double left = (i == d ? 1 : 0) - 2.0 / dim;
          double right = (j == d ? 1 : 0) - 2.0 / dim;
          moment[i][j] += left * right * (stretched ? variance(d, dim) : 1);
        }
      }
    }
    return moment;
  }

  private static Matrix rows(Arena arena, long seed, int n, int dim) {
    return Matrix.of(arena, TestIndex.rows(new SplittableRandom(seed), n, dim, null));
  }

  private static float[] floats(Buffer buffer) {
    MemorySegment copy = MemorySegment.ofArray(new float[(int) (buffer.bytes() / 4)]);
    buffer.copyTo(copy);
    return copy.toArray(Layouts.F32);
  }

  private static float[] row(float[] values, int i, int dim) {
    return java.util.Arrays.copyOfRange(values, i * dim, (i + 1) * dim);
  }

  /** The product of two rows, or the squared distance where {@code apart} is 1. */
  private static double dot(float[] a, float[] b, int apart) {
    double sum = 0;
    for (int d = 0; d < a.length; d++) {
      sum += apart == 1 ? (a[d] - b[d]) * (double) (a[d] - b[d]) : a[d] * (double) b[d];
    }
    return sum;
  }
}
