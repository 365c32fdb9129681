package dev.tartan.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Little-endian layouts of every array that Tartan reads or writes, and the conversions between
 * element types.
 */
public final class Layouts {
  public static final ValueLayout.OfByte U8 = JAVA_BYTE;
  public static final ValueLayout.OfShort U16 =
      JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  public static final ValueLayout.OfInt I32 = JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  public static final ValueLayout.OfLong I64 =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  public static final ValueLayout.OfFloat F32 =
      JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Layouts() {}

  /**
   * Copies {@code count} float16 values at the start of {@code source} to float32 at the start of
   * {@code target}.
   */
  public static void halfToFloat(MemorySegment source, MemorySegment target, long count) {
    for (long i = 0; i < count; i++) {
      target.setAtIndex(F32, i, Float.float16ToFloat(source.getAtIndex(U16, i)));
    }
  }

  /** Copies {@code count} float32 values to float16, rounding to nearest, ties to even. */
  public static void floatToHalf(MemorySegment source, MemorySegment target, long count) {
    for (long i = 0; i < count; i++) {
      target.setAtIndex(U16, i, Float.floatToFloat16(source.getAtIndex(F32, i)));
    }
  }
}
