package dev.tartan.jmh.scale;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Arithmetic on rows of heap arrays. */
final class Vectors {
  private Vectors() {}

  /** {@code a[aFirst..] . b[bFirst..]} over {@code dim}, in four sums so that they overlap. */
  static float dot(float[] a, int aFirst, float[] b, int bFirst, int dim) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    int d = 0;
    for (; d + 3 < dim; d += 4) {
      s0 = Math.fma(a[aFirst + d], b[bFirst + d], s0);
      s1 = Math.fma(a[aFirst + d + 1], b[bFirst + d + 1], s1);
      s2 = Math.fma(a[aFirst + d + 2], b[bFirst + d + 2], s2);
      s3 = Math.fma(a[aFirst + d + 3], b[bFirst + d + 3], s3);
    }
    for (; d < dim; d++) {
      s0 = Math.fma(a[aFirst + d], b[bFirst + d], s0);
    }
    return s0 + s1 + (s2 + s3);
  }

  /** {@code a += factor * b}. */
  static void add(float[] a, int aFirst, float factor, float[] b, int bFirst, int dim) {
    for (int d = 0; d < dim; d++) {
      a[aFirst + d] += factor * b[bFirst + d];
    }
  }

  /** Divides a row by its length; a row of zeros stays. Returns the length. */
  static float normalize(float[] a, int first, int dim) {
    float length = (float) Math.sqrt(dot(a, first, a, first, dim));
    if (length > 0) {
      float inverse = 1 / length;
      for (int d = 0; d < dim; d++) {
        a[first + d] *= inverse;
      }
    }
    return length;
  }

  /** A copy on the heap. */
  static float[] floats(Matrix matrix) {
    float[] values = new float[Math.toIntExact(matrix.rows() * matrix.dim())];
    MemorySegment.copy(matrix.data(), Layouts.F32, 0, values, 0, values.length);
    return values;
  }

  /** A copy off the heap, in {@code arena}. */
  static Matrix matrix(float[] values, int dim, Arena arena) {
    Matrix matrix = Matrix.allocate(arena, values.length / dim, dim);
    MemorySegment.copy(values, 0, matrix.data(), Layouts.F32, 0, values.length);
    return matrix;
  }
}
