package dev.tartan.codec;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The tables that compress and reconstruct token embeddings: centroids, and for each dimension of
 * the residual a bucket number of {@code nbits} bits with one set of cutoffs and weights for all
 * dimensions. Immutable; names memory that belongs to whoever opened or trained it.
 *
 * <p>{@code nbits} {@value #UNCOMPRESSED} keeps the embeddings themselves as float16 beside the
 * codes, for measuring what compression loses; such a codec has no cutoffs and no weights.
 *
 * @param kind how the tables were made, as stored in the manifest
 * @param centroids [K, dim], rotated if there is a rotation; rows of unit length, or of kind {@code
 *     TARTAN} means of rows of unit length, which are shorter
 * @param cutoffs F32 [2^nbits - 1], ascending
 * @param weights F32 [2^nbits]
 * @param rotation what token embeddings and queries are rotated by before they meet the tables;
 *     null for nothing
 */
public record ResidualCodec(
    Kind kind,
    int nbits,
    Matrix centroids,
    MemorySegment cutoffs,
    MemorySegment weights,
    @Nullable Rotation rotation) {
  /** The {@code nbits} of an index that keeps float16 embeddings. */
  public static final int UNCOMPRESSED = 16;

  /** The ways to make the tables. */
  public enum Kind {
    /** Quantile buckets of held-out residuals, as published. */
    COLBERTV2("colbertv2", CodecTables.Form.UNIT),
    /**
     * Rotated residuals in units of their own length, weights of least squared error, and a factor
     * a token. Keeps at 2 bits about what the published one keeps at 4.
     */
    TARTAN("tartan", CodecTables.Form.SCALED);

    private final String label;
    private final CodecTables.Form form;

    Kind(String label, CodecTables.Form form) {
      this.label = label;
      this.form = form;
    }

    public String label() {
      return label;
    }

    /**
     * The kind with this label, as a codec file has it.
     *
     * @throws TartanException if this version knows none
     */
    public static Kind of(String label) {
      for (Kind kind : values()) {
        if (kind.label.equals(label)) {
          return kind;
        }
      }
      throw new TartanException(
          "codec kind '%s' is not known to this version; a newer Tartan wrote it".formatted(label));
    }
  }

  public ResidualCodec {
    requireBits(nbits);
    int buckets = nbits == UNCOMPRESSED ? 0 : 1 << nbits;
    if (cutoffs.byteSize() != Math.max(0, buckets - 1) * (long) Float.BYTES
        || weights.byteSize() != buckets * (long) Float.BYTES) {
      throw new IllegalArgumentException(
          "%d-bit buckets need %d weights and one cutoff less".formatted(nbits, buckets));
    }
  }

  /**
   * Requires a number of bits that a codec can have.
   *
   * @throws TartanException if it is none of 1, 2, 3, 4, 8 and 16
   */
  public static void requireBits(int nbits) {
    if ((nbits < 1 || nbits > 4) && nbits != 8 && nbits != UNCOMPRESSED) {
      throw new TartanException(
          "nbits is %d; 1, 2, 3, 4 and 8 compress, 16 keeps float16 embeddings".formatted(nbits));
    }
  }

  public int dim() {
    return centroids.dim();
  }

  public boolean compressed() {
    return nbits != UNCOMPRESSED;
  }

  /** Bytes of one packed residual, or of one float16 embedding. */
  public int residualBytes() {
    return dim() * nbits / 8;
  }

  /**
   * Centroids of unit length, not rotated, by which the codes of token embeddings are found; in
   * {@code arena} where these are not the centroids themselves.
   */
  public Matrix directions(Backend backend, Arena arena) {
    if (rotation == null) {
      return centroids;
    }
    Matrix directions = Matrix.allocate(arena, centroids.rows(), centroids.dim());
    try (Scope scope = backend.openScope()) {
      rotation.rotateBack(scope.wrap(centroids), backend, scope).copyTo(directions.data());
    }
    directions.normalizeRows("the codec's centroids", 0);
    return directions;
  }

  /** The type that holds a code: two bytes where they suffice. */
  public DType codeType() {
    return centroids.rows() <= 1 << 16 ? DType.U16 : DType.I32;
  }

  /** The tables for a backend, alive as long as {@code scope} and this codec's memory. */
  public CodecTables tables(Scope scope) {
    return new CodecTables(
        kind.form,
        nbits,
        scope.wrap(centroids),
        scope.wrap(DType.F32, 1, cutoffs),
        scope.wrap(DType.F32, 1, weights));
  }

  /**
   * What token embeddings become when they are compressed and decompressed again. The codec must
   * compress.
   *
   * @param values F32 [n, dim], not rotated
   * @param codes I32 [n, 1], the centroid of each
   * @return F32 [n, dim] in {@code scope}, not rotated
   */
  public Buffer reconstruct(Buffer values, Buffer codes, Backend backend, Scope scope) {
    long n = values.rows();
    CodecTables tables = tables(scope);
    Buffer residuals = scope.allocate(DType.U8, n, residualBytes());
    Buffer factors = scope.allocate(DType.U16, n, 1);
    Buffer rotated = rotation == null ? values : rotation.rotate(values, backend, scope);
    backend.compress(rotated, codes, tables, residuals, factors);
    Buffer offsets = scope.allocate(DType.I64, 2, 1);
    offsets.copyFrom(MemorySegment.ofArray(new long[] {0, n}));
    Buffer out = scope.allocate(DType.F32, n, dim());
    CompressedPassages all = new CompressedPassages(offsets, codes, residuals, factors);
    backend.decompress(tables, all, 0, out);
    return rotation == null ? out : rotation.rotateBack(out, backend, scope);
  }
}
