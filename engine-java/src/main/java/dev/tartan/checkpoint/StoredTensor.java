package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A tensor as it lies in a weight file. Names memory of the file's arena and copies nothing until
 * asked for values. Safe for concurrent use.
 */
public final class StoredTensor {
  private static final int BLOCK = 32;

  private final ElementType type;
  private final long[] shape;
  private final long[] strides;
  private final MemorySegment data;

  /**
   * @param strides elements between neighbours along each extent
   * @param data from the first element to the last, at least
   * @throws TartanException if the elements do not lie within {@code data}
   */
  StoredTensor(ElementType type, long[] shape, long[] strides, MemorySegment data) {
    this.type = type;
    this.shape = shape.clone();
    this.strides = strides.clone();
    this.data = data;
    if (shape.length != strides.length || span(shape, strides) > data.byteSize() / type.bytes()) {
      throw new TartanException(
          "a tensor of shape %s does not fit its %d bytes"
              .formatted(Arrays.toString(shape), data.byteSize()));
    }
  }

  /** A tensor in row-major order. */
  public static StoredTensor of(ElementType type, long[] shape, MemorySegment data) {
    return new StoredTensor(type, shape, rowMajor(shape), data);
  }

  public ElementType type() {
    return type;
  }

  /** The extents; empty for a scalar. */
  public long[] shape() {
    return shape.clone();
  }

  /** The number of elements. */
  public long elements() {
    long n = 1;
    for (long extent : shape) {
      n *= extent;
    }
    return n;
  }

  /**
   * The stored bytes in row-major order, little-endian, shared with the file.
   *
   * @throws TartanException if they are stored in another order
   */
  public MemorySegment bytes() {
    if (!isRowMajor()) {
      throw new TartanException(
          "a tensor of shape " + Arrays.toString(shape) + " is a strided view");
    }
    return data.asSlice(0, elements() * type.bytes());
  }

  /**
   * The values as float32 in row-major order: the file's own memory where it is that already and is
   * aligned, otherwise a 64-byte aligned copy in {@code arena}.
   *
   * @throws TartanException if the elements are integers, or strided in more than two dimensions
   */
  public MemorySegment floats(Arena arena) {
    boolean aligned = data.address() % Float.BYTES == 0;
    return type == ElementType.F32 && aligned && isRowMajor() ? bytes() : copyFloats(arena);
  }

  /** As {@link #floats}, always a copy in {@code arena}. */
  public MemorySegment copyFloats(Arena arena) {
    if (!type.isFloat()) {
      throw new TartanException("holds %s, not floating point numbers".formatted(type));
    }
    MemorySegment target = arena.allocate(Math.max(1, elements()) * Float.BYTES, 64);
    MemorySegment values = target.asSlice(0, elements() * Float.BYTES);
    if (isRowMajor()) {
      type.toFloat(data, values, elements());
    } else if (shape.length == 2) {
      gather(values);
    } else {
      throw new TartanException(
          "a tensor of shape " + Arrays.toString(shape) + " is a strided view");
    }
    return values;
  }

  /** Copies a strided matrix block by block, so that both sides stay within the cache. */
  private void gather(MemorySegment target) {
    int rows = Math.toIntExact(shape[0]);
    int columns = Math.toIntExact(shape[1]);
    float[] source = sourceFloats();
    float[] result = new float[Math.multiplyExact(rows, columns)];
    int down = Math.toIntExact(strides[0]);
    int right = Math.toIntExact(strides[1]);
    for (int r0 = 0; r0 < rows; r0 += BLOCK) {
      for (int c0 = 0; c0 < columns; c0 += BLOCK) {
        for (int r = r0; r < Math.min(rows, r0 + BLOCK); r++) {
          for (int c = c0; c < Math.min(columns, c0 + BLOCK); c++) {
            result[r * columns + c] = source[r * down + c * right];
          }
        }
      }
    }
    MemorySegment.copy(result, 0, target, Layouts.F32, 0, result.length);
  }

  private float[] sourceFloats() {
    float[] source = new float[Math.toIntExact(span(shape, strides))];
    type.toFloat(data, MemorySegment.ofArray(source), source.length);
    return source;
  }

  /** The same memory with the two extents of a matrix exchanged. */
  StoredTensor transposed() {
    return new StoredTensor(
        type, new long[] {shape[1], shape[0]}, new long[] {strides[1], strides[0]}, data);
  }

  private boolean isRowMajor() {
    long expected = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && strides[i] != expected) {
        return false;
      }
      expected *= shape[i];
    }
    return true;
  }

  static long[] rowMajor(long[] shape) {
    long[] strides = new long[shape.length];
    long step = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = step;
      step = multiply(step, shape[i]);
    }
    return strides;
  }

  /** Elements from the first to the last, both included. */
  private static long span(long[] shape, long[] strides) {
    long last = 0;
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] < 0 || strides[i] < 0) {
        throw new TartanException(
            "a tensor of shape %s is damaged".formatted(Arrays.toString(shape)));
      }
      if (shape[i] == 0) {
        return 0;
      }
      last = Math.addExact(last, multiply(shape[i] - 1, strides[i]));
    }
    return last + 1;
  }

  private static long multiply(long a, long b) {
    if (Math.multiplyHigh(a, b) != 0 || a * b < 0) {
      throw new TartanException("a tensor's extents are too large");
    }
    return a * b;
  }
}
