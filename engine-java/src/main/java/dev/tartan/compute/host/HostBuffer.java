package dev.tartan.compute.host;

import dev.tartan.compute.Buffer;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;

/** A buffer that is plain memory. */
record HostBuffer(DType dtype, long rows, int columns, MemorySegment segment) implements Buffer {
  HostBuffer {
    if (segment.byteSize() != rows * columns * dtype.bytes()) {
      throw new IllegalArgumentException(
          "%d x %d %s do not fit %d bytes".formatted(rows, columns, dtype, segment.byteSize()));
    }
  }

  @Override
  public Buffer slice(long first, long count) {
    long rowBytes = (long) columns * dtype.bytes();
    return new HostBuffer(
        dtype, count, columns, segment.asSlice(first * rowBytes, count * rowBytes));
  }

  @Override
  public Buffer reshape(int newColumns) {
    return new HostBuffer(dtype, rows * columns / newColumns, newColumns, segment);
  }

  @Override
  public void copyFrom(MemorySegment source) {
    requireSize(source);
    segment.copyFrom(source);
  }

  @Override
  public void copyTo(MemorySegment target) {
    requireSize(target);
    target.copyFrom(segment);
  }

  @Override
  public void copyRowsFrom(MemorySegment source) {
    MemorySegment.copy(source, 0, segment, 0, source.byteSize());
  }

  @Override
  public void copyRowsTo(long first, long count, MemorySegment target) {
    long rowBytes = (long) columns * dtype.bytes();
    MemorySegment.copy(segment, first * rowBytes, target, 0, count * rowBytes);
  }

  private void requireSize(MemorySegment other) {
    if (other.byteSize() != segment.byteSize()) {
      throw new IllegalArgumentException(
          "a copy of %d bytes for a buffer of %d".formatted(other.byteSize(), segment.byteSize()));
    }
  }
}
