package dev.tartan.indexing;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.TokenPooling;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Schema;
import dev.tartan.segment.Component;
import dev.tartan.segment.Manifest;
import java.util.List;
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
 * @param pooling how many rows are kept of a passage's tokens; of texts alone
 * @param keepEmbeddings whether the embeddings stay as float16 beside what is compressed, at 2 dim
 *     bytes a token, so that a codec can be trained again without loss
 * @param fields of the documents' metadata whose types are known before; others have that of their
 *     first value
 */
public record IndexOptions(
    int dim,
    ResidualCodec.Kind codec,
    int nbits,
    int centroids,
    boolean storeText,
    @Nullable String model,
    @Nullable String language,
    @Nullable Splitting split,
    TokenPooling pooling,
    boolean keepEmbeddings,
    Schema fields) {
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

  /** With no field declared. */
  public IndexOptions(
      int dim,
      ResidualCodec.Kind codec,
      int nbits,
      int centroids,
      boolean storeText,
      @Nullable String model,
      @Nullable String language,
      @Nullable Splitting split,
      TokenPooling pooling,
      boolean keepEmbeddings) {
    this(
        dim,
        codec,
        nbits,
        centroids,
        storeText,
        model,
        language,
        split,
        pooling,
        keepEmbeddings,
        Schema.EMPTY);
  }

  /** With a row for every token, and no embeddings kept. */
  public IndexOptions(
      int dim,
      ResidualCodec.Kind codec,
      int nbits,
      int centroids,
      boolean storeText,
      @Nullable String model,
      @Nullable String language,
      @Nullable Splitting split) {
    this(dim, codec, nbits, centroids, storeText, model, language, split, TokenPooling.NONE, false);
  }

  /** The same with the types of some fields of the documents' metadata. */
  public IndexOptions withFields(Schema known) {
    return new IndexOptions(
        dim,
        codec,
        nbits,
        centroids,
        storeText,
        model,
        language,
        split,
        pooling,
        keepEmbeddings,
        known);
  }

  /** The same with fewer rows a passage. */
  public IndexOptions withPooling(TokenPooling fewer) {
    return new IndexOptions(
        dim,
        codec,
        nbits,
        centroids,
        storeText,
        model,
        language,
        split,
        fewer,
        keepEmbeddings,
        fields);
  }

  /** The same for documents that are split; null not to split them. */
  public IndexOptions withSplit(@Nullable Splitting splitting) {
    return new IndexOptions(
        dim,
        codec,
        nbits,
        centroids,
        storeText,
        model,
        language,
        splitting,
        pooling,
        keepEmbeddings,
        fields);
  }

  /** The same with so many centroids; 0 for the default. */
  public IndexOptions withCentroids(int count) {
    return new IndexOptions(
        dim,
        codec,
        nbits,
        count,
        storeText,
        model,
        language,
        split,
        pooling,
        keepEmbeddings,
        fields);
  }

  /** The same with the embeddings kept beside what is compressed. */
  public IndexOptions withEmbeddings() {
    return new IndexOptions(
        dim, codec, nbits, centroids, storeText, model, language, split, pooling, true, fields);
  }

  /** The same at another number of bits. */
  public IndexOptions withBits(int bits) {
    return new IndexOptions(
        dim,
        codec,
        bits,
        centroids,
        storeText,
        model,
        language,
        split,
        pooling,
        keepEmbeddings,
        fields);
  }

  /** What a manifest says of embeddings that are made so. */
  Manifest.Source source() {
    return new Manifest.Source(model, language, dim, split, pooling);
  }

  /** Options of what is added to an index. */
  static IndexOptions of(Manifest manifest) {
    Manifest.CodecEntry codec = manifest.codec();
    List<Manifest.SegmentEntry> segments = manifest.segments();
    List<String> stored =
        segments.isEmpty() ? List.of(Component.TEXT.extension()) : segments.getLast().components();
    return new IndexOptions(
        manifest.dim(),
        ResidualCodec.Kind.of(codec.kind()),
        codec.nbits(),
        Math.toIntExact(codec.centroids()),
        stored.contains(Component.TEXT.extension()),
        manifest.model(),
        manifest.language(),
        manifest.splitting(),
        manifest.tokenPooling(),
        stored.contains(Component.EMBEDDINGS.extension()),
        manifest.schema());
  }

  /** Options for texts that {@code encoder} encodes, at 2 bits, all else by default. */
  public static IndexOptions of(Encoder encoder) {
    return new IndexOptions(
        encoder.dim(),
        ResidualCodec.Kind.TARTAN,
        2,
        0,
        true,
        encoder.model(),
        encoder.language(),
        null);
  }

  /** Options for embeddings of width {@code dim} at {@code nbits}, all else by default. */
  public static IndexOptions of(int dim, int nbits) {
    return new IndexOptions(dim, ResidualCodec.Kind.TARTAN, nbits, 0, true, null, null, null);
  }
}
