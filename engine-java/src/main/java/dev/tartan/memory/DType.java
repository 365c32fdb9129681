package dev.tartan.memory;

/** Element types of arrays in memory and on disk. All are little-endian. */
public enum DType {
  F32(1, 4),
  F16(2, 2),
  I32(3, 4),
  I64(4, 8),
  U16(5, 2),
  U8(6, 1);

  private final int code;
  private final int bytes;

  DType(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** The number that stands for this type in file headers; never reused. */
  public int code() {
    return code;
  }

  /** Size of one element. */
  public int bytes() {
    return bytes;
  }

  /**
   * The type with this number.
   *
   * @throws TartanException if there is none
   */
  public static DType of(int code) {
    for (DType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    throw new TartanException("unknown element type " + code);
  }
}
