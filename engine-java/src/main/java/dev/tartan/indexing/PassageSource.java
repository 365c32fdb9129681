package dev.tartan.indexing;

/** The token embeddings of whole passages, one passage after the other. */
public interface PassageSource extends EmbeddingSource {
  /** How many there are. */
  int passages();

  /**
   * Tokens of a passage; they sum to {@link #tokens()}.
   *
   * @param passage 0 to {@link #passages()} - 1
   */
  int doclen(int passage);
}
