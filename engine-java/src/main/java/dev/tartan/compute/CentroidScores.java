package dev.tartan.compute;

import dev.tartan.memory.DType;

/**
 * Similarity of query rows with every centroid.
 *
 * @param scores F32 [K * sum of rows, 1]; the block of query q starts at {@code K * offsets[q]} and
 *     is [K, rows(q)]
 * @param best F32 [queries, K]; the best score of each centroid over the rows of the query
 */
public record CentroidScores(Buffer scores, Buffer best) {
  public static CentroidScores allocate(Scope scope, QueryBatch queries, int centroids) {
    return new CentroidScores(
        scope.allocate(DType.F32, (long) centroids * queries.rows().rows(), 1),
        scope.allocate(DType.F32, queries.queries(), centroids));
  }
}
