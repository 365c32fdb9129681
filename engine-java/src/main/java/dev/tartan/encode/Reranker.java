package dev.tartan.encode;

import dev.tartan.collection.Document;
import dev.tartan.memory.Progress;
import java.util.List;

/**
 * Scores documents for queries that it was made with, without an index. Used by one thread at a
 * time.
 */
public interface Reranker extends AutoCloseable {
  /**
   * How well some documents answer some of the queries; of long ones what the model reads.
   *
   * @param documents each is read in one piece; pass some hundred at a time
   * @param queries for each document the numbers of the queries to score it for
   * @param progress advanced by the pairs that are scored
   * @return for each document as many scores as queries, in their order; negative infinity if it
   *     has no token to score
   */
  float[][] score(List<Document> documents, int[][] queries, Progress progress);

  /** Frees what was kept of the queries; the model stays open. */
  @Override
  void close();
}
