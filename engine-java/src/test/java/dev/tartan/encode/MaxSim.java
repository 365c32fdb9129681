package dev.tartan.encode;

import dev.tartan.memory.Matrix;

/** MaxSim by its definition, for tests on this floor. */
final class MaxSim {
  private MaxSim() {}

  /** The score of each passage. */
  static double[] scores(Matrix query, EncodedPassages passages) {
    double[] scores = new double[passages.doclens().length];
    long first = 0;
    for (int p = 0; p < scores.length; p++) {
      int rows = passages.doclens()[p];
      scores[p] = score(query, passages.rows().slice(first, rows));
      first += rows;
    }
    return scores;
  }

  private static double score(Matrix query, Matrix passage) {
    double sum = 0;
    for (long q = 0; q < query.rows() && passage.rows() > 0; q++) {
      double best = Double.NEGATIVE_INFINITY;
      for (long r = 0; r < passage.rows(); r++) {
        double product = 0;
        for (int d = 0; d < query.dim(); d++) {
          product += query.get(q, d) * passage.get(r, d);
        }
        best = Math.max(best, product);
      }
      sum += best;
    }
    return sum;
  }
}
