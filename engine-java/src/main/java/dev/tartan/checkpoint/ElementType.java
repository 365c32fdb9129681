package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;

/** Element types of tensors in weight files; all little-endian. */
public enum ElementType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U8(1),
  BOOL(1);

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element. */
  public int bytes() {
    return bytes;
  }

  /** Whether the values are floating point numbers. */
  public boolean isFloat() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /** Converts {@code count} values at the start of {@code source} to float32, rounding F64. */
  void toFloat(MemorySegment source, MemorySegment target, long count) {
    switch (this) {
      case F32 -> MemorySegment.copy(source, 0, target, 0, count * Float.BYTES);
      case F16 -> Layouts.halfToFloat(source, target, count);
      case BF16 -> {
        // bfloat16 is the upper half of a float32.
        for (long i = 0; i < count; i++) {
          target.setAtIndex(Layouts.I32, i, source.getAtIndex(Layouts.U16, i) << 16);
        }
      }
      case F64 -> {
        for (long i = 0; i < count; i++) {
          double value = Double.longBitsToDouble(source.getAtIndex(Layouts.I64, i));
          target.setAtIndex(Layouts.F32, i, (float) value);
        }
      }
      default -> throw new IllegalStateException(this + " is not a floating point type");
    }
  }
}
