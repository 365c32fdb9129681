package dev.tartan.compute.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that is handed out front to back and taken back all at once. Pooled, because a confined
 * arena would lock worker threads out and closing a shared one a query is dear.
 */
final class Slab implements AutoCloseable {
  private static final long CHUNK = 1 << 20;
  private static final long ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> chunks = new ArrayList<>();
  private int current;
  private long used;

  MemorySegment allocate(long bytes) {
    long size = Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    while (current < chunks.size() && chunks.get(current).byteSize() - used < size) {
      current++;
      used = 0;
    }
    if (current == chunks.size()) {
      chunks.add(arena.allocate(Math.max(CHUNK, size), ALIGNMENT));
    }
    MemorySegment segment = chunks.get(current).asSlice(used, bytes);
    used += size;
    return segment;
  }

  /** {@code bytes} or more of a slab that has handed out nothing, all that it hands out. */
  MemorySegment whole(long bytes) {
    for (int i = 0; i < chunks.size(); i++) {
      if (chunks.get(i).byteSize() >= bytes) {
        return chunks.get(i);
      }
    }
    return allocate(bytes);
  }

  /** Takes everything back. */
  void reset() {
    current = 0;
    used = 0;
  }

  @Override
  public void close() {
    arena.close();
  }
}
