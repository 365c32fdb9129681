package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Walks the fields of one protobuf message in memory, without a schema. After {@link #next} exactly
 * one of the reading methods must be called. Reads past the end throw {@link
 * IndexOutOfBoundsException}.
 */
final class ProtobufReader {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private final MemorySegment message;
  private long position;
  private int field;
  private int wire;

  ProtobufReader(MemorySegment message) {
    this.message = message;
  }

  /** Moves to the next field; false at the end. */
  boolean next() {
    if (position >= message.byteSize()) {
      return false;
    }
    long key = readVarint();
    field = (int) (key >>> 3);
    wire = (int) (key & 7);
    return true;
  }

  int field() {
    return field;
  }

  long varint() {
    expect(VARINT);
    return readVarint();
  }

  /** A repeated integer field: one value, or many packed into one field. */
  long[] varints() {
    if (wire == VARINT) {
      return new long[] {readVarint()};
    }
    ProtobufReader packed = message();
    long[] values = new long[8];
    int n = 0;
    while (packed.position < packed.message.byteSize()) {
      if (n == values.length) {
        values = Arrays.copyOf(values, 2 * n);
      }
      values[n++] = packed.readVarint();
    }
    return Arrays.copyOf(values, n);
  }

  MemorySegment bytes() {
    expect(LENGTH);
    long length = readVarint();
    MemorySegment bytes = message.asSlice(position, length);
    position += length;
    return bytes;
  }

  ProtobufReader message() {
    return new ProtobufReader(bytes());
  }

  String string() {
    return new String(bytes().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
  }

  void skip() {
    switch (wire) {
      case VARINT -> readVarint();
      case FIXED64 -> position += 8;
      case LENGTH -> bytes();
      case FIXED32 -> position += 4;
      default -> throw new IndexOutOfBoundsException("wire type " + wire);
    }
  }

  private void expect(int type) {
    if (wire != type) {
      throw new IndexOutOfBoundsException("field " + field + " has wire type " + wire);
    }
  }

  private long readVarint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte b = message.get(Layouts.U8, position++);
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new IndexOutOfBoundsException("varint longer than ten bytes");
  }
}
