package dev.tartan.compute;

import dev.tartan.memory.DType;

/**
 * The token embeddings of one or more queries, ragged, never padded.
 *
 * @param rows F32 [sum of rows, dim]
 * @param offsets [queries + 1]; query q has rows {@code [offsets[q], offsets[q + 1])}, 1 to {@value
 *     #MAX_ROWS} of them
 */
public record QueryBatch(Buffer rows, int[] offsets) {
  /** The most token embeddings that a query may have. */
  public static final int MAX_ROWS = 256;

  public QueryBatch {
    if (rows.dtype() != DType.F32
        || offsets.length < 1
        || offsets[offsets.length - 1] != rows.rows()) {
      throw new IllegalArgumentException("query offsets do not cover the rows");
    }
  }

  public int queries() {
    return offsets.length - 1;
  }

  public int rows(int query) {
    return offsets[query + 1] - offsets[query];
  }
}
