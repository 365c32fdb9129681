package dev.tartan.segment;

import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Sets of numbers as I64 words: number n is bit n % 64 of word n / 64. Spare bits are zero. */
public final class Bits {
  private Bits() {}

  /** Words that hold {@code n} bits. */
  public static long words(long n) {
    return (n + Long.SIZE - 1) / Long.SIZE;
  }

  /** The empty set of numbers below {@code n}. */
  public static MemorySegment allocate(long n, Arena arena) {
    return arena.allocate(words(n) * Long.BYTES, 64);
  }

  public static boolean get(MemorySegment bits, int number) {
    return (bits.getAtIndex(Layouts.I64, number >>> 6) & 1L << number) != 0;
  }

  /** Adds a number. */
  public static void set(MemorySegment bits, int number) {
    bits.setAtIndex(
        Layouts.I64, number >>> 6, bits.getAtIndex(Layouts.I64, number >>> 6) | 1L << number);
  }

  /** Takes a number away. */
  static void clear(MemorySegment bits, int number) {
    bits.setAtIndex(
        Layouts.I64, number >>> 6, bits.getAtIndex(Layouts.I64, number >>> 6) & ~(1L << number));
  }

  /** How many numbers there are. */
  public static long count(MemorySegment bits) {
    long count = 0;
    for (long w = 0; w < bits.byteSize() / Long.BYTES; w++) {
      count += Long.bitCount(bits.getAtIndex(Layouts.I64, w));
    }
    return count;
  }
}
