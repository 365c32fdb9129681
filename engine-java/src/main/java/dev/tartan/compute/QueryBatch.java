package dev.tartan.compute;

import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;

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

  /**
   * Refuses a query of more rows than a batch takes, or none.
   *
   * @throws TartanException that tells how many there may be
   */
  public static void requireRows(long rows) {
    if (rows < 1 || rows > MAX_ROWS) {
      throw new TartanException(
          "the query has %d token embeddings; 1 to %d can be searched".formatted(rows, MAX_ROWS));
    }
  }

  /** Room for one query of up to {@code rows} rows, to be filled by {@link #replace}. */
  public static QueryBatch room(Scope scope, int rows, int dim) {
    return new QueryBatch(scope.allocate(DType.F32, rows, dim), new int[] {0, rows});
  }

  /**
   * Puts another query in the place of a batch's only one, within the room there is.
   *
   * @param values F32 [at least count, dim]; rows beyond {@code count} do not matter
   * @param count rows of the query
   */
  public void replace(MemorySegment values, int count) {
    rows.copyRowsFrom(values);
    offsets[1] = count;
  }

  public int queries() {
    return offsets.length - 1;
  }

  public int rows(int query) {
    return offsets[query + 1] - offsets[query];
  }
}
