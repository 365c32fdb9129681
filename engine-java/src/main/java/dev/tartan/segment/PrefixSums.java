package dev.tartan.segment;

import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where each entry starts, of arrays that are stored as lengths. */
final class PrefixSums {
  private static final int PIECE = 4096;

  private PrefixSums() {}

  /**
   * The sums of the lengths before each entry. By way of arrays, a piece at a time, since the first
   * million entries of a fresh JVM are not yet compiled code.
   */
  static MemorySegment of(ArrayFile lengths, long total, Arena arena) {
    MemorySegment offsets = arena.allocate((lengths.rows() + 1) * Long.BYTES, 64);
    int[] piece = new int[PIECE];
    long[] sums = new long[PIECE];
    long sum = 0;
    for (long first = 0; first < lengths.rows(); first += PIECE) {
      int n = (int) Math.min(PIECE, lengths.rows() - first);
      MemorySegment.copy(lengths.data(), Layouts.I32, first * Integer.BYTES, piece, 0, n);
      int negative = addUp(piece, n, sum, sums);
      if (negative >= 0) {
        throw ArrayFile.damaged(lengths.path(), "entry %d is negative".formatted(first + negative));
      }
      MemorySegment.copy(sums, 0, offsets, Layouts.I64, (first + 1) * Long.BYTES, n);
      sum = sums[n - 1];
    }
    if (sum != total) {
      throw ArrayFile.damaged(
          lengths.path(), "its lengths sum to %d, not %d".formatted(sum, total));
    }
    return offsets;
  }

  /** Fills {@code sums}; returns the place of the first negative length, or -1. */
  private static int addUp(int[] lengths, int n, long before, long[] sums) {
    long sum = before;
    for (int i = 0; i < n; i++) {
      if (lengths[i] < 0) {
        return i;
      }
      sum += lengths[i];
      sums[i] = sum;
    }
    return -1;
  }
}
