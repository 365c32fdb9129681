package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A structure of arguments.cuh, written field after field, each aligned to its size. One is used
 * for launch after launch: the driver has copied it when a launch returns.
 */
final class CudaArguments {
  private static final int MOST_BYTES = 256;

  private final MemorySegment structure;

  /** What cuLaunchKernel takes: an array of pointers to arguments, of which there is one. */
  final MemorySegment parameters;

  private int end;

  CudaArguments(Arena arena) {
    structure = arena.allocate(MOST_BYTES, 16);
    parameters = arena.allocateFrom(ValueLayout.ADDRESS, structure);
  }

  CudaArguments begin() {
    end = 0;
    return this;
  }

  /** An address or an int64. */
  CudaArguments number(long value) {
    structure.set(JAVA_LONG, place(Long.BYTES), value);
    return this;
  }

  CudaArguments integer(int value) {
    structure.set(JAVA_INT, place(Integer.BYTES), value);
    return this;
  }

  CudaArguments real(float value) {
    structure.set(JAVA_FLOAT, place(Float.BYTES), value);
    return this;
  }

  private int place(int bytes) {
    int at = (end + bytes - 1) / bytes * bytes;
    end = at + bytes;
    return at;
  }

  /** What was written. */
  MemorySegment written() {
    return structure.asSlice(0, end);
  }

  /** Holds what was written to the size of what {@code kernel} takes. */
  void check(Kernel kernel) {
    if (end != kernel.argumentBytes) {
      throw new AssertionError(
          "%s takes %d bytes, not %d".formatted(kernel, kernel.argumentBytes, end));
    }
  }
}
