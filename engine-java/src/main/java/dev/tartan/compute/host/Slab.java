package dev.tartan.compute.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that is handed out front to back and taken back all at once. Pooled, because a confined
 * arena would lock worker threads out and closing a shared one a query is dear.
 */
final class Slab {
  private static final long CHUNK = 1 << 20;
  private static final long ALIGNMENT = 64;

  private final Arena arena;
  private final List<MemorySegment> chunks = new ArrayList<>();
  private int current;
  private long used;

  Slab(Arena arena) {
    this.arena = arena;
  }

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

  /** Takes everything back. */
  void reset() {
    current = 0;
    used = 0;
  }

  long bytes() {
    return chunks.stream().mapToLong(MemorySegment::byteSize).sum();
  }
}
