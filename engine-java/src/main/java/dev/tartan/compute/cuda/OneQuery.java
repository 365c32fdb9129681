package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;

/** One query of a batch as a batch of its own, in the same memory. */
final class OneQuery {
  private OneQuery() {}

  static QueryBatch of(QueryBatch all, int q) {
    int rows = all.rows(q);
    return new QueryBatch(all.rows().slice(all.offsets()[q], rows), new int[] {0, rows});
  }

  static IntegerQueries of(IntegerQueries all, int q) {
    long first = all.blockOffsets()[q];
    long bytes = all.blockOffsets()[q + 1] - first;
    int lanes = all.lanesOf(q);
    long centroids = all.centroids();
    return new IntegerQueries(
        of(all.queries(), q),
        all.nbits(),
        all.blocks().slice(first, bytes),
        new long[] {0, bytes},
        all.scores().slice(centroids * all.laneOffsets()[q], centroids * lanes),
        new int[] {0, lanes},
        all.best().slice(q, 1));
  }

  /** Its part of the scores of centroids, of which there are {@code centroids}. */
  static Buffer scores(Buffer all, QueryBatch queries, int q, long centroids) {
    return all.slice(centroids * queries.offsets()[q], centroids * queries.rows(q));
  }
}
