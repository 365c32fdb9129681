package dev.tartan.compute;

/**
 * The tables of a residual codec: a token with code c and bucket numbers b reconstructs to {@code
 * normalise(centroids[c] + scale * weights[b])} (ColBERTv2, 2112.01488, section 3.3).
 *
 * @param nbits bits a dimension: 1, 2, 4 or 8
 * @param centroids F32 [K, dim], rows of unit length
 * @param cutoffs F32 [2^nbits - 1, 1], ascending
 * @param weights F32 [2^nbits, 1]
 */
public record CodecTables(int nbits, Buffer centroids, Buffer cutoffs, Buffer weights) {
  public int dim() {
    return centroids.columns();
  }

  /** Bytes of one packed residual. */
  public int residualBytes() {
    return dim() * nbits / 8;
  }
}
