package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.codec.Rotation;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Reads and writes the codec file; its rows are given in the package documentation. */
final class CodecFile {
  private CodecFile() {}

  static void write(Path path, ResidualCodec codec) {
    try (ArrayFileWriter out = new ArrayFileWriter(path, Component.CODEC, DType.F32, codec.dim())) {
      writePadded(out, codec.cutoffs(), codec.dim());
      writePadded(out, codec.weights(), codec.dim());
      if (codec.rotation() != null) {
        out.write(codec.rotation().embeddings().data());
        out.write(codec.rotation().queries().data());
      }
      out.write(codec.centroids().data());
      out.finish();
    }
  }

  static ArrayFile open(Path directory, Manifest.CodecEntry entry, Arena arena) {
    return ArrayFile.open(directory.resolve(entry.file()), Component.CODEC, arena);
  }

  static ResidualCodec read(ArrayFile file, Manifest.CodecEntry entry, int dim) {
    file.expect(DType.F32, (long) dim * Float.BYTES);
    int buckets = entry.nbits() == ResidualCodec.UNCOMPRESSED ? 0 : 1 << entry.nbits();
    long cutoffRows = rows(Math.max(0, buckets - 1), dim);
    long weightRows = rows(buckets, dim);
    long rotationRows = entry.rotation() ? 2L * dim : 0;
    file.expectRows(cutoffRows + weightRows + rotationRows + entry.centroids());
    MemorySegment data = file.data();
    long rowBytes = file.rowBytes();
    long rotation = (cutoffRows + weightRows) * rowBytes;
    MemorySegment centroids = data.asSlice(rotation + rotationRows * rowBytes);
    return new ResidualCodec(
        ResidualCodec.Kind.of(entry.kind()),
        entry.nbits(),
        new Matrix(centroids, entry.centroids(), dim),
        data.asSlice(0, Math.max(0, buckets - 1) * (long) Float.BYTES),
        data.asSlice(cutoffRows * rowBytes, buckets * (long) Float.BYTES),
        entry.rotation()
            ? new Rotation(
                new Matrix(data.asSlice(rotation, dim * rowBytes), dim, dim),
                new Matrix(data.asSlice(rotation + dim * rowBytes, dim * rowBytes), dim, dim))
            : null);
  }

  /** Rows of {@code dim} that hold {@code values} values. */
  private static long rows(long values, long dim) {
    return (values + dim - 1) / dim;
  }

  private static void writePadded(ArrayFileWriter out, MemorySegment values, int dim) {
    out.write(values);
    int count = (int) (values.byteSize() / Float.BYTES);
    out.write(new byte[(int) (rows(count, dim) * dim - count) * Float.BYTES]);
  }
}
