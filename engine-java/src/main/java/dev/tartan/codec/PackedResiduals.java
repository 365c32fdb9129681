package dev.tartan.codec;

import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;

/**
 * The order of bits in packed residuals. Ours: byte k holds {@code 8 / nbits} consecutive
 * dimensions, the first in the lowest bits. The published order (colbert-ai and its descendants)
 * writes each bucket number lowest bit first into a stream that fills bytes from the highest bit:
 * bit i of ours is bit 7 - i of theirs, for every nbits. The conversion is its own inverse.
 */
public final class PackedResiduals {
  private PackedResiduals() {}

  /** Converts all bytes of {@code residuals} in place, from either order to the other. */
  public static void swapOrder(MemorySegment residuals) {
    for (long i = 0; i < residuals.byteSize(); i++) {
      int ours = Byte.toUnsignedInt(residuals.get(Layouts.U8, i));
      residuals.set(Layouts.U8, i, (byte) (Integer.reverse(ours) >>> 24));
    }
  }
}
