package dev.tartan.interop;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * The tables of a foreign codec as float32, checked against each other.
 *
 * @param file where the centroids are from, for messages
 * @param centroids F32 [rows, dim]
 * @param dim width of a token embedding
 * @param cutoffs F32
 * @param weights F32
 */
record ForeignTables(
    Path file, MemorySegment centroids, long dim, MemorySegment cutoffs, MemorySegment weights) {
  private static final int MOST_DIM = 1024;

  /**
   * The codec that they make.
   *
   * @param buckets where cutoffs and weights are from
   * @throws TartanException if they do not fit {@code nbits}, or hold what no codec can
   */
  ResidualCodec codec(int nbits, Path buckets) {
    if (dim < 8 || dim > MOST_DIM || dim % 8 != 0) {
      throw new TartanException(
          "%s has rows of %d values; token embeddings of a multiple of 8 from 8 to %d can be imported"
              .formatted(file, dim, MOST_DIM));
    }
    long rows = centroids.byteSize() / Float.BYTES / dim;
    if (rows < 1 || rows > Integer.MAX_VALUE) {
      throw ForeignFiles.bad(file, "has %d centroids".formatted(rows));
    }
    int wanted = 1 << nbits;
    if (weights.byteSize() != wanted * (long) Float.BYTES
        || cutoffs.byteSize() != (wanted - 1) * (long) Float.BYTES) {
      throw ForeignFiles.bad(
          buckets,
          "has %d cutoffs and %d weights; %d bits need %d and %d"
              .formatted(
                  cutoffs.byteSize() / Float.BYTES,
                  weights.byteSize() / Float.BYTES,
                  nbits,
                  wanted - 1,
                  wanted));
    }
    requireFinite(file, centroids);
    requireFinite(buckets, weights);
    requireFinite(buckets, cutoffs);
    for (int i = 1; i < wanted - 1; i++) {
      if (cutoffs.getAtIndex(Layouts.F32, i) < cutoffs.getAtIndex(Layouts.F32, i - 1)) {
        throw ForeignFiles.bad(buckets, "has cutoffs that do not ascend");
      }
    }
    return new ResidualCodec(
        ResidualCodec.Kind.COLBERTV2,
        nbits,
        new Matrix(centroids, rows, (int) dim),
        cutoffs,
        weights,
        null);
  }

  private static void requireFinite(Path file, MemorySegment values) {
    for (long i = 0; i < values.byteSize() / Float.BYTES; i++) {
      if (!Float.isFinite(values.getAtIndex(Layouts.F32, i))) {
        throw ForeignFiles.bad(file, "holds a NaN or an infinity");
      }
    }
  }
}
