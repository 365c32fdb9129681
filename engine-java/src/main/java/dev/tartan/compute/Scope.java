package dev.tartan.compute;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Owns the memory of one query, one batch, or one snapshot. Confined to one thread at a time;
 * buffers that it has handed out may be read by the backend's workers. Closing returns the memory
 * to the backend's pool.
 */
public interface Scope extends AutoCloseable {
  /** A new array with undefined content, 64-byte aligned. */
  Buffer allocate(DType dtype, long rows, int columns);

  /**
   * Makes host memory readable to the backend: free on the host, an upload on a device. {@code
   * segment} must stay alive and unchanged until the scope closes.
   *
   * @throws IllegalArgumentException if its size is no whole number of rows
   */
  Buffer wrap(DType dtype, int columns, MemorySegment segment);

  /** {@link #wrap(DType, int, MemorySegment)} of a matrix. */
  default Buffer wrap(Matrix matrix) {
    return wrap(DType.F32, matrix.dim(), matrix.data());
  }

  @Override
  void close();
}
