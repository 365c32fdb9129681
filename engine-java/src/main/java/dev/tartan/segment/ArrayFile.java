package dev.tartan.segment;

import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.MappedFile;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * One mapped file of the index: a header of 64 bytes and one array. The package documentation gives
 * the bytes.
 *
 * @param data the array, read-only, 64-byte aligned
 */
record ArrayFile(
    Path path,
    Component component,
    DType dtype,
    long rows,
    long rowBytes,
    int checksum,
    MemorySegment data) {
  static final int HEADER_BYTES = 64;
  static final int FORMAT = 1;

  private static final long MAGIC = 0x0A0D4E4154524154L; // "TARTAN\r\n"
  private static final int VERIFY_STEP = 1 << 20;

  /**
   * Maps {@code path} and checks its header and its length, but not its array: see {@link #verify}.
   *
   * @throws TartanException if it is missing, damaged, truncated, of a newer format, or another
   *     component
   */
  static ArrayFile open(Path path, Component expected, Arena arena) {
    MemorySegment file = MappedFile.map(path, arena);
    if (file.byteSize() < HEADER_BYTES || file.get(Layouts.I64, 0) != MAGIC) {
      throw damaged(path, "it does not start as a Tartan file does");
    }
    int format = file.get(Layouts.I32, 8);
    if (format > FORMAT) {
      throw new TartanException(
          "%s has format %d; this version reads up to %d: use a newer Tartan"
              .formatted(path, format, FORMAT));
    }
    MemorySegment header = file.asSlice(0, HEADER_BYTES);
    if (headerChecksum(header) != header.get(Layouts.I32, 44)) {
      throw damaged(path, "its header does not match its checksum");
    }
    Component component = Component.of(header.get(Layouts.I32, 12));
    DType dtype = DType.of(header.get(Layouts.I32, 16));
    long rows = header.get(Layouts.I64, 24);
    long rowBytes = header.get(Layouts.I64, 32);
    if (component != expected) {
      throw damaged(path, "it holds " + component + " where " + expected + " belongs");
    }
    long bytes = file.byteSize() - HEADER_BYTES;
    if (rows < 0
        || rowBytes < 1
        || Math.multiplyHigh(rows, rowBytes) != 0
        || rows * rowBytes != bytes) {
      throw damaged(
          path,
          "%d rows of %d bytes should follow the header, but %d bytes do"
              .formatted(rows, rowBytes, bytes));
    }
    return new ArrayFile(
        path,
        component,
        dtype,
        rows,
        rowBytes,
        header.get(Layouts.I32, 40),
        file.asSlice(HEADER_BYTES));
  }

  /**
   * Requires an element type and a row width.
   *
   * @throws TartanException if the file has others
   */
  ArrayFile expect(DType type, long bytesPerRow) {
    if (dtype != type || rowBytes != bytesPerRow) {
      throw damaged(
          path,
          "it holds %s in rows of %d bytes where %s in rows of %d belong"
              .formatted(dtype, rowBytes, type, bytesPerRow));
    }
    return this;
  }

  /** Requires a number of rows. */
  ArrayFile expectRows(long count) {
    if (rows != count) {
      throw damaged(path, "it has %d rows where %d belong".formatted(rows, count));
    }
    return this;
  }

  /**
   * Reads the whole array and compares it with its checksum.
   *
   * @throws TartanException if they differ
   */
  void verify() {
    if (checksum(data) != checksum) {
      throw damaged(path, "its content does not match its checksum");
    }
  }

  static TartanException damaged(Path path, String how) {
    return new TartanException(
        "%s is damaged: %s; restore the index from a copy, or save what is whole with 'tartan repair'"
            .formatted(path, how));
  }

  static int checksum(MemorySegment bytes) {
    CRC32C crc = new CRC32C();
    for (long done = 0; done < bytes.byteSize(); done += VERIFY_STEP) {
      long n = Math.min(VERIFY_STEP, bytes.byteSize() - done);
      crc.update(bytes.asSlice(done, n).asByteBuffer());
    }
    return (int) crc.getValue();
  }

  /** Fills a header of zeros. */
  static void writeHeader(
      MemorySegment header,
      Component component,
      DType dtype,
      long rows,
      long rowBytes,
      int checksum) {
    header.set(Layouts.I64, 0, MAGIC);
    header.set(Layouts.I32, 8, FORMAT);
    header.set(Layouts.I32, 12, component.code());
    header.set(Layouts.I32, 16, dtype.code());
    header.set(Layouts.I64, 24, rows);
    header.set(Layouts.I64, 32, rowBytes);
    header.set(Layouts.I32, 40, checksum);
    header.set(Layouts.I32, 44, headerChecksum(header));
  }

  private static int headerChecksum(MemorySegment header) {
    byte[] bytes = header.toArray(Layouts.U8);
    bytes[44] = bytes[45] = bytes[46] = bytes[47] = 0;
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }
}
