package dev.tartan.compute.host;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** A scope over a slab that goes back to its pool on close. */
final class HostScope implements Scope {
  private final Slab slab;
  private final Consumer<Slab> pool;
  private boolean closed;

  HostScope(Slab slab, Consumer<Slab> pool) {
    this.slab = slab;
    this.pool = pool;
  }

  @Override
  public Buffer allocate(DType dtype, long rows, int columns) {
    if (closed) {
      throw new IllegalStateException("the scope is closed");
    }
    return new HostBuffer(dtype, rows, columns, slab.allocate(rows * columns * dtype.bytes()));
  }

  @Override
  public Buffer wrap(DType dtype, int columns, MemorySegment segment) {
    long rows = segment.byteSize() / ((long) columns * dtype.bytes());
    return new HostBuffer(dtype, rows, columns, segment);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      slab.reset();
      pool.accept(slab);
    }
  }
}
