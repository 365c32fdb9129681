package dev.tartan.indexing;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Splitting;
import dev.tartan.memory.TartanException;
import org.jspecify.annotations.Nullable;

/**
 * How an index is made.
 *
 * @param dim width of a token embedding: a multiple of 8 from 8 to 1024
 * @param codec how token embeddings are compressed
 * @param nbits bits a dimension of the residual: 1, 2, 3, 4, 8, or 16 to keep float16 embeddings
 * @param centroids how many; 0 for 2^floor(log2(16 sqrt(tokens)))
 * @param storeText whether the passages' texts are kept, to be shown and explained
 * @param model the encoder, to be used again for queries; null if embeddings are brought
 * @param language of queries and of texts that do not tell theirs, where the model has a part for
 *     each language; else null
 * @param split how documents are split into passages; null if they are not
 */
public record IndexOptions(
    int dim,
    ResidualCodec.Kind codec,
    int nbits,
    int centroids,
    boolean storeText,
    @Nullable String model,
    @Nullable String language,
    @Nullable Splitting split) {
  public IndexOptions {
    if (dim < 8 || dim > 1024 || dim % 8 != 0) {
      throw new TartanException(
          "the token embeddings have dim %d; a multiple of 8 from 8 to 1024 can be indexed"
              .formatted(dim));
    }
    ResidualCodec.requireBits(nbits);
    if (centroids < 0) {
      throw new TartanException(
          "%d centroids: a positive number, or 0 for the default".formatted(centroids));
    }
  }

  /** The same for documents that are split; null not to split them. */
  public IndexOptions withSplit(@Nullable Splitting splitting) {
    return new IndexOptions(dim, codec, nbits, centroids, storeText, model, language, splitting);
  }

  /** The same at another number of bits. */
  public IndexOptions withBits(int bits) {
    return new IndexOptions(dim, codec, bits, centroids, storeText, model, language, split);
  }

  /** Options for embeddings of width {@code dim} at {@code nbits}, all else by default. */
  public static IndexOptions of(int dim, int nbits) {
    return new IndexOptions(dim, ResidualCodec.Kind.TARTAN, nbits, 0, true, null, null, null);
  }
}
