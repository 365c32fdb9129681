package dev.tartan.jmh.scale;

import java.util.Random;

/**
 * Normal random vectors of a given covariance. Drawing one anew would cost a product with a matrix;
 * so {@value #ROWS} are drawn once, and callers add up several at random.
 */
final class Noise {
  private static final int ROWS = 1 << 14;
  private static final long SEED = 17;

  private final float[] pool;
  private final int dim;

  /**
   * @param factor [dim, dim], lower triangle, Cholesky factor of the covariance
   */
  Noise(float[] factor, int dim) {
    this.dim = dim;
    this.pool = new float[ROWS * dim];
    Random random = new Random(SEED);
    float[] normal = new float[dim];
    for (int r = 0; r < ROWS; r++) {
      for (int d = 0; d < dim; d++) {
        normal[d] = (float) random.nextGaussian();
      }
      for (int d = 0; d < dim; d++) {
        pool[r * dim + d] = Vectors.dot(factor, d * dim, normal, 0, d + 1);
      }
    }
  }

  /** All vectors, one after the other. */
  float[] pool() {
    return pool;
  }

  /** Where in the pool the vector for {@code bits} begins. */
  int row(long bits) {
    return (int) (bits >>> 40 & ROWS - 1) * dim;
  }
}
