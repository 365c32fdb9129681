package dev.tartan.compute;

import org.jspecify.annotations.Nullable;

/**
 * The compressed token embeddings of the passages of one segment. A residual row is a stream of
 * bits, from the lowest of each byte up: dimension d has bits {@code [nbits * d, nbits * (d + 1))}.
 *
 * @param offsets I64 [passages + 1, 1]; passage p has tokens {@code [offsets[p], offsets[p + 1])}
 * @param codes U16 or I32 [tokens, 1]
 * @param residuals U8 [tokens, dim * nbits / 8]
 * @param factors U16 [tokens, 1] holding float16: with {@link CodecTables.Form#SCALED} the factor
 *     on each token's bucket weights; with {@link CodecTables.Form#UNIT} {@code 1 / |centroid +
 *     weights|}, which backends on the host compute themselves in float, so that it may be null
 */
public record CompressedPassages(
    Buffer offsets, Buffer codes, Buffer residuals, @Nullable Buffer factors) {
  public long passages() {
    return offsets.rows() - 1;
  }
}
