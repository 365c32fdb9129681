package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory for tests; it stays until the process ends. */
final class OffHeap {
  private OffHeap() {}

  static MemorySegment floats(float... values) {
    return Arena.global().allocateFrom(Layouts.F32, values);
  }
}
