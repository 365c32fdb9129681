package dev.tartan.train;

import java.util.List;

/**
 * Token embeddings of texts by the model as it is now, in the caller's pointer scope. Safe for
 * concurrent use while the model does not change.
 */
interface TextRows extends AutoCloseable {
  /** Rows of queries. */
  Rows queries(List<String> texts);

  /** Rows of passages. */
  Rows passages(List<String> texts);

  @Override
  void close();
}
