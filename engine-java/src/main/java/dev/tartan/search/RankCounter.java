package dev.tartan.search;

import java.util.Arrays;

/**
 * Tells the rank of a passage among those counted so far, in logarithmic time. Scores are sorted
 * into 65,536 buckets of equal width; all of a bucket count as better, so that a rank is never too
 * good. Confined to one thread.
 */
final class RankCounter {
  private static final int BUCKETS = 1 << 16;

  /** A binary indexed tree: node i holds the count of the i & -i buckets that end with i. */
  private final int[] tree = new int[BUCKETS + 1];

  /** The bucket of each score of each part, 1 for the best of all. */
  static int[][] buckets(float[][] parts) {
    float best = Float.NEGATIVE_INFINITY;
    float worst = Float.POSITIVE_INFINITY;
    for (float[] scores : parts) {
      for (float score : scores) {
        best = Math.max(best, score);
        worst = score == Float.NEGATIVE_INFINITY ? worst : Math.min(worst, score);
      }
    }
    double width = Math.max(1e-30, (double) best - worst) / (BUCKETS - 1);
    int[][] buckets = new int[parts.length][];
    for (int p = 0; p < parts.length; p++) {
      buckets[p] = new int[parts[p].length];
      for (int i = 0; i < parts[p].length; i++) {
        buckets[p][i] = bucket(parts[p][i], best, width);
      }
    }
    return buckets;
  }

  private static int bucket(float score, double best, double width) {
    return score == Float.NEGATIVE_INFINITY
        ? BUCKETS
        : (int) Math.min(BUCKETS, 1 + (best - score) / width);
  }

  void clear() {
    Arrays.fill(tree, 0);
  }

  void add(int bucket) {
    for (int i = bucket; i <= BUCKETS; i += i & -i) {
      tree[i]++;
    }
  }

  /** How many of those added are in this bucket or a better one. */
  int rank(int bucket) {
    int sum = 0;
    for (int i = bucket; i > 0; i -= i & -i) {
      sum += tree[i];
    }
    return sum;
  }
}
