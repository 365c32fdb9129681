package dev.tartan.compute;

import dev.tartan.memory.DType;

/**
 * A batch of queries in integers, with their similarity to every centroid: what the search stages
 * before the last work on. Content of the blocks is the backend's own.
 *
 * <p>The rows of a query are padded to {@code lanes(q)}, the next multiple of {@value #LANES};
 * lanes beyond the rows score -32768.
 *
 * @param queries the queries in float32
 * @param nbits of the codec whose residuals the blocks are made to meet; 0 for none
 * @param blocks U8 [blockOffsets[queries], 1]; query q has the bytes {@code [blockOffsets[q],
 *     blockOffsets[q + 1])}
 * @param blockOffsets multiples of 64
 * @param scores U16 holding int16 [K * sum of lanes, 1]; the block of query q starts at {@code K *
 *     laneOffsets[q]} and is [K, lanes(q)]
 * @param laneOffsets [queries + 1]
 * @param best U16 holding int16 [queries, K]: the best score of each centroid over the rows
 */
public record IntegerQueries(
    QueryBatch queries,
    int nbits,
    Buffer blocks,
    long[] blockOffsets,
    Buffer scores,
    int[] laneOffsets,
    Buffer best) {
  /** Query rows are padded to a multiple of this. */
  public static final int LANES = 32;

  /** Room for the queries, undefined but for its shape. */
  public static IntegerQueries allocate(
      Scope scope, QueryBatch queries, int nbits, long centroids, long[] blockOffsets) {
    int[] laneOffsets = new int[queries.queries() + 1];
    for (int q = 0; q < queries.queries(); q++) {
      laneOffsets[q + 1] = laneOffsets[q] + lanes(queries.rows(q));
    }
    return new IntegerQueries(
        queries,
        nbits,
        scope.allocate(DType.U8, blockOffsets[queries.queries()], 1),
        blockOffsets,
        scope.allocate(DType.U16, centroids * laneOffsets[queries.queries()], 1),
        laneOffsets,
        scope.allocate(DType.U16, queries.queries(), Math.toIntExact(centroids)));
  }

  /** The lanes of a query of {@code rows} rows. */
  public static int lanes(int rows) {
    return (rows + LANES - 1) / LANES * LANES;
  }

  public int lanesOf(int query) {
    return laneOffsets[query + 1] - laneOffsets[query];
  }

  public long centroids() {
    return best.columns();
  }
}
