package dev.tartan.metadata;

import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Directory.Place;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.roaringbitmap.RoaringBitmap;

/** Writes a blob front to back and knows where each section is. */
final class BlobOutput {
  private static final int BUFFER = 1 << 16;

  private final OutputStream out;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
  private long written;

  BlobOutput(OutputStream out) {
    this.out = out;
  }

  /** Bytes so far: where the next section begins. */
  long position() {
    return written + buffer.position();
  }

  /** The section that began at {@code start}. */
  Place since(long start) {
    return new Place(start, position() - start);
  }

  void writeLong(long value) {
    room(Long.BYTES).putLong(value);
  }

  void writeInt(int value) {
    room(Integer.BYTES).putInt(value);
  }

  void write(byte[] bytes) {
    write(ByteBuffer.wrap(bytes));
  }

  void write(RoaringBitmap bitmap) {
    bitmap.runOptimize();
    ByteBuffer bytes = ByteBuffer.allocate(bitmap.serializedSizeInBytes());
    bitmap.serialize(bytes);
    write(bytes.flip());
  }

  void write(ByteBuffer bytes) {
    while (bytes.hasRemaining()) {
      int n = Math.min(room(1).remaining(), bytes.remaining());
      buffer.put(bytes.slice(bytes.position(), n));
      bytes.position(bytes.position() + n);
    }
  }

  void flush() {
    try {
      out.write(buffer.array(), 0, buffer.position());
    } catch (IOException e) {
      throw TartanException.io("cannot write the fields of the documents", e);
    }
    written += buffer.position();
    buffer.clear();
  }

  private ByteBuffer room(int needed) {
    if (buffer.remaining() < needed) {
      flush();
    }
    return buffer;
  }
}
