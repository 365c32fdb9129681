package dev.tartan.memory;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Writes a NumPy array file row by row; the number of rows is put into the header on {@link
 * #close}. Confined to one thread.
 */
public final class NpyWriter implements Closeable {
  private static final int HEADER = 128;

  private final Path path;
  private final FileChannel channel;
  private final DType dtype;
  private final int[] rowShape;
  private long bytes;

  /**
   * Creates or replaces {@code path}.
   *
   * @param dtype {@code F32}, {@code F16}, {@code I32} or {@code I64}
   * @param rowShape the extents after the first; empty for a vector
   */
  public NpyWriter(Path path, DType dtype, int... rowShape) {
    this.path = path;
    this.dtype = dtype;
    this.rowShape = rowShape.clone();
    try {
      this.channel =
          FileChannel.open(
              path,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
      channel.position(HEADER);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  /**
   * Appends the rows of {@code matrix} (a file of more dimensions takes several for one of its
   * own), rounding to float16 where the file holds that.
   */
  public void writeRows(Matrix matrix) {
    if (dtype == DType.F32) {
      write(matrix.data());
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      long values = matrix.rows() * matrix.dim();
      MemorySegment halves = arena.allocate(values * Short.BYTES);
      Layouts.floatToHalf(matrix.data(), halves, values);
      write(halves);
    }
  }

  /** Appends one integer to a vector. */
  public void writeInt(int value) {
    writeInts(new int[] {value});
  }

  /** Appends integers to a vector of {@code I32}. */
  public void writeInts(int[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment integers = arena.allocate((long) values.length * Integer.BYTES, Integer.BYTES);
      MemorySegment.copy(values, 0, integers, Layouts.I32, 0, values.length);
      write(integers);
    }
  }

  /** Complete rows written so far. */
  public long rows() {
    long rowBytes = dtype.bytes();
    for (int extent : rowShape) {
      rowBytes *= extent;
    }
    return bytes / rowBytes;
  }

  @Override
  public void close() {
    StringBuilder shape = new StringBuilder().append(rows()).append(',');
    for (int extent : rowShape) {
      shape.append(' ').append(extent).append(',');
    }
    String descr =
        switch (dtype) {
          case F32 -> "<f4";
          case F16 -> "<f2";
          case I32 -> "<i4";
          case I64 -> "<i8";
          default -> throw new IllegalStateException("no NPY files of " + dtype);
        };
    String text =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }".formatted(descr, shape);
    byte[] header = new byte[HEADER];
    Arrays.fill(header, (byte) ' ');
    byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) (HEADER - 10), 0};
    System.arraycopy(magic, 0, header, 0, magic.length);
    byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(ascii, 0, header, magic.length, ascii.length);
    header[HEADER - 1] = '\n';
    try (channel) {
      channel.write(ByteBuffer.wrap(header), 0);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  private void write(MemorySegment values) {
    try {
      for (long done = 0; done < values.byteSize(); ) {
        long n = Math.min(1 << 26, values.byteSize() - done);
        ByteBuffer buffer = values.asSlice(done, n).asByteBuffer();
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        done += n;
      }
      bytes += values.byteSize();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }
}
