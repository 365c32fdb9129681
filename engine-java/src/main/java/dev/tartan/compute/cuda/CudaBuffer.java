package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** A buffer in the memory of a device, from {@code address} on. */
record CudaBuffer(CudaScope scope, DType dtype, long rows, int columns, long address)
    implements Buffer {
  @Override
  public Buffer slice(long first, long count) {
    Objects.checkFromIndexSize(first, count, rows);
    return new CudaBuffer(scope, dtype, count, columns, at(first));
  }

  @Override
  public Buffer reshape(int newColumns) {
    long elements = rows * columns;
    if (newColumns < 1 || elements % newColumns != 0) {
      throw new IllegalArgumentException(
          "%d elements are no whole rows of %d".formatted(elements, newColumns));
    }
    return new CudaBuffer(scope, dtype, elements / newColumns, newColumns, address);
  }

  @Override
  public void copyFrom(MemorySegment source) {
    requireSize(source);
    scope.upload(source, address);
  }

  @Override
  public void copyTo(MemorySegment target) {
    requireSize(target);
    scope.download(address, target);
  }

  @Override
  public void copyRowsFrom(MemorySegment source) {
    Objects.checkFromIndexSize(0, source.byteSize(), bytes());
    scope.upload(source, address);
  }

  @Override
  public void copyRowsTo(long first, long count, MemorySegment target) {
    Objects.checkFromIndexSize(first, count, rows);
    scope.download(at(first), target.asSlice(0, at(first + count) - at(first)));
  }

  private long at(long row) {
    return address + row * columns * dtype.bytes();
  }

  private void requireSize(MemorySegment other) {
    if (other.byteSize() != bytes()) {
      throw new IllegalArgumentException(
          "a copy of %d bytes for a buffer of %d".formatted(other.byteSize(), bytes()));
    }
  }
}
