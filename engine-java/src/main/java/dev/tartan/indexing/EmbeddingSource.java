package dev.tartan.indexing;

import dev.tartan.memory.Matrix;

/**
 * Token embeddings that can be read again and again in any order, the same each time: on disk, or
 * made when they are read.
 */
public interface EmbeddingSource {
  /** How many there are. */
  long tokens();

  int dim();

  /** What they are called in messages. */
  String name();

  /** Fills {@code target} with the rows from {@code first} on, as they are stored. */
  void read(long first, Matrix target);
}
