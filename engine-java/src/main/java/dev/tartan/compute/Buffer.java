package dev.tartan.compute;

import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;

/**
 * Names an array in the memory of a backend: {@code rows} x {@code columns} elements, row-major,
 * dense. There is no element access, since the memory may be a device's; data crosses by whole
 * copies. Valid until its scope closes.
 */
public interface Buffer {
  DType dtype();

  long rows();

  int columns();

  /** Rows {@code [first, first + count)}, sharing memory. */
  Buffer slice(long first, long count);

  /**
   * The same memory as rows of {@code columns} elements.
   *
   * @throws IllegalArgumentException if they are no whole number of rows
   */
  Buffer reshape(int columns);

  /** Fills the buffer from {@code source}, which has exactly {@link #bytes()} bytes. */
  void copyFrom(MemorySegment source);

  /** Copies the buffer to {@code target}, which has exactly {@link #bytes()} bytes. */
  void copyTo(MemorySegment target);

  /** Fills the first rows from {@code source}, which has whole rows, without making an object. */
  void copyRowsFrom(MemorySegment source);

  /**
   * Copies {@code count} rows from {@code first} on to the start of {@code target}, which has room
   * for them, without making an object.
   */
  void copyRowsTo(long first, long count, MemorySegment target);

  default long bytes() {
    return rows() * columns() * dtype().bytes();
  }
}
