package dev.tartan.segment;

import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.zip.CRC32C;

/**
 * Writes one array file front to back through a small buffer. {@link #finish} writes the header and
 * forces the bytes to disk; a writer closed without it leaves a file that no reader accepts.
 * Confined to one thread.
 */
final class ArrayFileWriter implements Closeable {
  private static final int BUFFER = 1 << 16;

  private final Path path;
  private final Component component;
  private final DType dtype;
  private final long rowBytes;
  private final FileChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
  private final CRC32C crc = new CRC32C();
  private long bytes;

  /** Creates the file; {@code columns} elements of {@code dtype} a row. */
  ArrayFileWriter(Path path, Component component, DType dtype, long columns) {
    this.path = path;
    this.component = component;
    this.dtype = dtype;
    this.rowBytes = columns * dtype.bytes();
    try {
      this.channel =
          FileChannel.open(
              path,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      channel.position(ArrayFile.HEADER_BYTES);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  Path path() {
    return path;
  }

  long rowBytes() {
    return rowBytes;
  }

  /** Bytes of the array so far. */
  long bytes() {
    return bytes;
  }

  void writeInt(int value) {
    room(Integer.BYTES).putInt(value);
    bytes += Integer.BYTES;
  }

  void writeLong(long value) {
    room(Long.BYTES).putLong(value);
    bytes += Long.BYTES;
  }

  void write(byte[] values) {
    write(MemorySegment.ofArray(values));
  }

  void write(MemorySegment values) {
    for (long done = 0; done < values.byteSize(); ) {
      int n = (int) Math.min(room(1).remaining(), values.byteSize() - done);
      buffer.put(values.asSlice(done, n).asByteBuffer());
      done += n;
    }
    bytes += values.byteSize();
  }

  /**
   * Maps room for {@code rows} rows for filling in any order; {@link #finishFilled} then completes
   * the file. The room is written with zeros first: a full disk must fail here and not as a fault
   * at the first touch of a page.
   */
  MemorySegment mapForFilling(long rows, Arena arena) {
    long size = rows * rowBytes;
    byte[] zeros = new byte[BUFFER];
    for (long done = 0; done < size; done += BUFFER) {
      write(MemorySegment.ofArray(zeros).asSlice(0, Math.min(BUFFER, size - done)));
    }
    flush();
    try {
      return channel.map(FileChannel.MapMode.READ_WRITE, ArrayFile.HEADER_BYTES, size, arena);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** Completes a file that was filled through {@link #mapForFilling}. */
  void finishFilled(MemorySegment filled) {
    try {
      filled.force();
    } catch (UncheckedIOException e) {
      throw failed(Objects.requireNonNull(e.getCause()));
    }
    complete(ArrayFile.checksum(filled));
  }

  /** Completes the file and forces it to disk. */
  void finish() {
    flush();
    complete((int) crc.getValue());
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private void complete(int checksum) {
    if (bytes % rowBytes != 0) {
      throw new IllegalStateException(path + ": half a row was written");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment header = arena.allocate(ArrayFile.HEADER_BYTES);
      ArrayFile.writeHeader(header, component, dtype, bytes / rowBytes, rowBytes, checksum);
      ByteBuffer source = header.asByteBuffer();
      while (source.hasRemaining()) {
        channel.write(source, source.position());
      }
      channel.force(true);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private ByteBuffer room(int needed) {
    if (buffer.remaining() < needed) {
      flush();
    }
    return buffer;
  }

  private void flush() {
    buffer.flip();
    crc.update(buffer);
    buffer.rewind();
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } catch (IOException e) {
      throw failed(e);
    }
    buffer.clear();
  }

  private TartanException failed(IOException e) {
    return TartanException.io("cannot write " + path, e);
  }
}
