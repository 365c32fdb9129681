package dev.tartan.compute;

/**
 * Uncompressed token embeddings of passages.
 *
 * @param offsets I64 [passages + 1, 1]
 * @param rows F32 or F16 [tokens, dim], rows of unit length
 */
public record DensePassages(Buffer offsets, Buffer rows) {
  public long passages() {
    return offsets.rows() - 1;
  }
}
