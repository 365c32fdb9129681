package dev.tartan.codec;

/** Eigenvalues of a symmetric matrix by cyclic Jacobi rotations, in one order: exact repetition. */
final class SymmetricMatrix {
  private static final int SWEEPS = 12;
  private static final double SMALL = 1e-9;

  private SymmetricMatrix() {}

  /**
   * Leaves the eigenvalues on the diagonal of {@code matrix} and an eigenvector in each row of
   * {@code vectors}, of unit length and at right angles to the others.
   */
  static void diagonalise(double[][] matrix, double[][] vectors) {
    int n = matrix.length;
    double trace = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        vectors[i][j] = i == j ? 1 : 0;
      }
      trace += Math.abs(matrix[i][i]);
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
      for (int p = 0; p < n; p++) {
        for (int q = p + 1; q < n; q++) {
          if (Math.abs(matrix[p][q]) > SMALL * trace / n) {
            eliminate(matrix, vectors, p, q);
          }
        }
      }
    }
  }

  private static void eliminate(double[][] a, double[][] vectors, int p, int q) {
    double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    double t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
    double c = 1 / Math.sqrt(t * t + 1);
    double s = t * c;
    turn(a[p], a[q], c, s);
    for (double[] row : a) {
      double x = row[p];
      double y = row[q];
      row[p] = c * x - s * y;
      row[q] = s * x + c * y;
    }
    turn(vectors[p], vectors[q], c, s);
  }

  private static void turn(double[] p, double[] q, double c, double s) {
    for (int d = 0; d < p.length; d++) {
      double x = p[d];
      double y = q[d];
      p[d] = c * x - s * y;
      q[d] = s * x + c * y;
    }
  }
}
