package dev.tartan.encode;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Fewer rows a passage: tokens that resemble one another share one row, their mean, so that an
 * index takes a half or a third of the room (Clavié, Chaffin and Adams, 2409.14683: hierarchical
 * token pooling). Rows are clustered by Ward's method (least growth of the squared distances to the
 * mean). The same rows give the same clusters on every machine. Safe for concurrent use.
 *
 * @param factor tokens that share a row, on average; 1 leaves all as they are
 * @param protectedTokens tokens at the start of a passage that keep a row of their own, such as
 *     {@code [CLS]} and the marker
 */
public record TokenPooling(int factor, int protectedTokens) {
  /** A row for every token. */
  public static final TokenPooling NONE = new TokenPooling(1, 0);

  public TokenPooling {
    if (factor < 1 || factor > 64) {
      throw new TartanException(
          "pooling factor %d: tokens that share a row are 1 to 64".formatted(factor));
    }
    if (protectedTokens < 0) {
      throw new TartanException(
          "%d protected tokens: there can be none, but not fewer".formatted(protectedTokens));
    }
  }

  /** Pooling by {@code factor} that leaves the first token, which stands for the whole passage. */
  public static TokenPooling by(int factor) {
    return factor == 1 ? NONE : new TokenPooling(factor, 1);
  }

  /** Rows that a passage of {@code tokens} rows keeps; none of none. */
  public int rows(int tokens) {
    int free = tokens - protectedTokens;
    return free <= 0 ? tokens : protectedTokens + Math.max(1, free / factor);
  }

  /**
   * The row that each token goes into, 0 to {@code rows(tokens) - 1}, in the order of each row's
   * first token.
   *
   * @param rows [tokens, dim] float32 of unit length
   */
  int[] clusters(MemorySegment rows, int tokens, int dim) {
    int wanted = rows(tokens);
    int[] parents = IntStream.range(0, tokens).toArray();
    if (wanted < tokens) {
      WardTree tree = WardTree.of(rows, protectedTokens, tokens - protectedTokens, dim);
      for (WardTree.Merge merge : tree.lowest(tokens - wanted)) {
        int a = root(parents, protectedTokens + merge.a());
        int b = root(parents, protectedTokens + merge.b());
        parents[Math.max(a, b)] = Math.min(a, b);
      }
    }
    int next = 0;
    int[] clusters = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      int root = root(parents, t);
      clusters[t] = root == t ? next++ : clusters[root];
    }
    return clusters;
  }

  private static int root(int[] parents, int token) {
    int t = token;
    while (parents[t] != t) {
      t = parents[t];
    }
    return t;
  }

  /**
   * Writes the pooled rows of one passage.
   *
   * @param rows [tokens, dim] float32 of unit length
   * @param to [rows(tokens), dim] float32; gets the means, each of unit length
   */
  void pool(MemorySegment rows, int tokens, int dim, MemorySegment to) {
    int[] clusters = clusters(rows, tokens, dim);
    double[] sums = new double[rows(tokens) * dim];
    for (int t = 0; t < tokens; t++) {
      for (int d = 0; d < dim; d++) {
        sums[clusters[t] * dim + d] += rows.getAtIndex(Layouts.F32, (long) t * dim + d);
      }
    }
    for (int r = 0; r < rows(tokens); r++) {
      double square = 0;
      for (int d = 0; d < dim; d++) {
        square += sums[r * dim + d] * sums[r * dim + d];
      }
      if (square < 1e-12) { // opposite rows have cancelled out: there is no mean direction
        int first = IntStream.of(clusters).boxed().toList().indexOf(r);
        long rowBytes = (long) dim * Float.BYTES;
        MemorySegment.copy(rows, first * rowBytes, to, r * rowBytes, rowBytes);
        continue;
      }
      for (int d = 0; d < dim; d++) {
        double value = sums[r * dim + d] / Math.sqrt(square);
        to.setAtIndex(Layouts.F32, (long) r * dim + d, (float) value);
      }
    }
  }
}
