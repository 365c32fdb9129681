package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A buffer in the memory of a device.
 *
 * @param address where it starts; 0 if it is empty, or too large for the device
 * @param host what it was {@linkplain CudaScope#wrap wrapped} from; null if it was allocated
 */
record CudaBuffer(
    CudaScope scope,
    DType dtype,
    long rows,
    int columns,
    long address,
    @Nullable MemorySegment host)
    implements Buffer {
  /** Whether the content is on the host alone. */
  boolean onHost() {
    return address == 0 && host != null && host.byteSize() > 0;
  }

  /** What it was wrapped from. */
  MemorySegment wrapped() {
    if (host == null) {
      throw new IllegalStateException("the buffer was not wrapped");
    }
    return host;
  }

  @Override
  public CudaBuffer slice(long first, long count) {
    Objects.checkFromIndexSize(first, count, rows);
    long from = at(first) - address;
    return new CudaBuffer(
        scope,
        dtype,
        count,
        columns,
        address == 0 ? 0 : at(first),
        host == null ? null : host.asSlice(from, at(first + count) - at(first)));
  }

  @Override
  public Buffer reshape(int newColumns) {
    long elements = rows * columns;
    if (newColumns < 1 || elements % newColumns != 0) {
      throw new IllegalArgumentException(
          "%d elements are no whole rows of %d".formatted(elements, newColumns));
    }
    return new CudaBuffer(scope, dtype, elements / newColumns, newColumns, address, host);
  }

  @Override
  public void copyFrom(MemorySegment source) {
    requireSize(source);
    copyRowsFrom(source);
  }

  @Override
  public void copyTo(MemorySegment target) {
    requireSize(target);
    copyRowsTo(0, rows, target);
  }

  @Override
  public void copyRowsFrom(MemorySegment source) {
    Objects.checkFromIndexSize(0, source.byteSize(), bytes());
    if (onHost()) {
      throw new IllegalStateException("what is too large for the device cannot change");
    }
    scope.upload(source, address);
  }

  @Override
  public void copyRowsTo(long first, long count, MemorySegment target) {
    Objects.checkFromIndexSize(first, count, rows);
    MemorySegment part = target.asSlice(0, at(first + count) - at(first));
    if (onHost()) {
      part.copyFrom(wrapped().asSlice(at(first) - address, part.byteSize()));
    } else {
      scope.download(at(first), part);
    }
  }

  /** Where a row starts. */
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
