package dev.tartan.encode;

import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;

/**
 * The tree of merges by Ward's method, found by chains of nearest neighbours (Murtagh 1983), which
 * takes time and memory in the square of the rows.
 */
record WardTree(Merge[] merges) {
  /** Two tokens whose clusters became one, and what that cost. */
  record Merge(int a, int b, float cost) {}

  static WardTree of(MemorySegment rows, int first, int n, int dim) {
    float[][] costs = squaredDistances(rows, first, n, dim);
    int[] sizes = new int[n];
    Arrays.fill(sizes, 1);
    int[] chain = new int[n];
    int length = 0;
    Merge[] merges = new Merge[n - 1];
    for (int done = 0; done < n - 1; ) {
      if (length == 0) {
        chain[length++] = firstAlive(sizes);
      }
      int a = chain[length - 1];
      int before = length > 1 ? chain[length - 2] : -1;
      int b = nearest(costs, sizes, a, before);
      if (b != before) {
        chain[length++] = b;
        continue;
      }
      length -= 2;
      merges[done++] = new Merge(Math.min(a, b), Math.max(a, b), cost(costs, a, b));
      merge(costs, sizes, Math.min(a, b), Math.max(a, b));
    }
    return new WardTree(merges);
  }

  /** The cheapest merges; of equal ones those found first. */
  Merge[] lowest(int count) {
    Merge[] sorted = merges.clone();
    Arrays.sort(sorted, Comparator.comparingDouble(Merge::cost));
    return Arrays.copyOf(sorted, count);
  }

  /** [n][i] for the tokens before i: 1 - cosine, which is half the squared distance. */
  private static float[][] squaredDistances(MemorySegment rows, int first, int n, int dim) {
    float[] columns = new float[n * dim];
    for (int i = 0; i < n; i++) {
      for (int d = 0; d < dim; d++) {
        columns[d * n + i] = rows.getAtIndex(Layouts.F32, (long) (first + i) * dim + d);
      }
    }
    float[][] costs = new float[n][];
    for (int i = 0; i < n; i++) {
      float[] cost = new float[i];
      Arrays.fill(cost, 1);
      for (int d = 0; d < dim; d++) {
        float x = columns[d * n + i];
        for (int j = 0, at = d * n; j < i; j++, at++) {
          cost[j] -= x * columns[at];
        }
      }
      costs[i] = cost;
    }
    return costs;
  }

  private static int firstAlive(int[] sizes) {
    int i = 0;
    while (sizes[i] == 0) {
      i++;
    }
    return i;
  }

  /** The cluster cheapest to merge with {@code a}; of equal ones {@code before}, else the first. */
  private static int nearest(float[][] costs, int[] sizes, int a, int before) {
    int best = before;
    float least = before < 0 ? Float.POSITIVE_INFINITY : cost(costs, a, before);
    for (int i = 0; i < sizes.length; i++) {
      if (i != a && sizes[i] > 0 && cost(costs, a, i) < least) {
        best = i;
        least = cost(costs, a, i);
      }
    }
    return best;
  }

  private static float cost(float[][] costs, int a, int b) {
    return a > b ? costs[a][b] : costs[b][a];
  }

  /** {@code b} goes into {@code a}; Lance and Williams' recurrence gives the new costs. */
  private static void merge(float[][] costs, int[] sizes, int a, int b) {
    float joined = cost(costs, a, b);
    for (int i = 0; i < sizes.length; i++) {
      if (i != a && i != b && sizes[i] > 0) {
        float sum = sizes[a] + sizes[b] + sizes[i];
        float value =
            ((sizes[a] + sizes[i]) * cost(costs, a, i)
                    + (sizes[b] + sizes[i]) * cost(costs, b, i)
                    - sizes[i] * joined)
                / sum;
        costs[Math.max(a, i)][Math.min(a, i)] = value;
      }
    }
    sizes[a] += sizes[b];
    sizes[b] = 0;
  }
}
