package dev.tartan.compute;

/**
 * The tables of a residual codec (ColBERTv2, 2112.01488, section 3.3).
 *
 * @param form how a token reconstructs from its code and its bucket numbers
 * @param nbits bits a dimension: 1, 2, 3, 4 or 8
 * @param centroids F32 [K, dim], rows of at most unit length
 * @param cutoffs F32 [2^nbits - 1, 1], ascending
 * @param weights F32 [2^nbits, 1]
 */
public record CodecTables(Form form, int nbits, Buffer centroids, Buffer cutoffs, Buffer weights) {
  /** How a token with code c and bucket numbers b reconstructs. */
  public enum Form {
    /** {@code normalise(centroids[c] + weights[b])}. */
    UNIT,
    /** {@code centroids[c] + factor * weights[b]}, which is of about unit length. */
    SCALED
  }

  public int dim() {
    return centroids.columns();
  }

  /** Bytes of one packed residual. */
  public int residualBytes() {
    return dim() * nbits / 8;
  }
}
