package dev.tartan.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Token embeddings and the like: {@code rows} x {@code dim} float32 values, row-major, dense. Names
 * memory that belongs to somebody else's {@link Arena}; using it after that arena has closed throws
 * {@link IllegalStateException}.
 *
 * @param data exactly {@code rows * dim * 4} bytes
 */
public record Matrix(MemorySegment data, long rows, int dim) {
  public Matrix {
    if (rows < 0 || dim < 1 || data.byteSize() != rows * dim * Float.BYTES) {
      throw new IllegalArgumentException(
          "a matrix of %d x %d float32 does not fit %d bytes"
              .formatted(rows, dim, data.byteSize()));
    }
  }

  /** A matrix of zeros in {@code arena}, 64-byte aligned. */
  public static Matrix allocate(Arena arena, long rows, int dim) {
    return new Matrix(arena.allocate(rows * dim * Float.BYTES, 64), rows, dim);
  }

  /** A copy of {@code values}, all rows of one length, in {@code arena}. */
  public static Matrix of(Arena arena, float[][] values) {
    Matrix matrix = allocate(arena, values.length, values.length == 0 ? 1 : values[0].length);
    for (int r = 0; r < values.length; r++) {
      MemorySegment.copy(values[r], 0, matrix.data, Layouts.F32, matrix.offset(r), matrix.dim);
    }
    return matrix;
  }

  public float get(long row, int column) {
    return data.get(Layouts.F32, offset(row) + (long) column * Float.BYTES);
  }

  public void set(long row, int column, float value) {
    data.set(Layouts.F32, offset(row) + (long) column * Float.BYTES, value);
  }

  /** Rows {@code [first, first + count)}, sharing this matrix's memory. */
  public Matrix slice(long first, long count) {
    return new Matrix(data.asSlice(offset(first), count * dim * Float.BYTES), count, dim);
  }

  /** Copies row {@code row} to row {@code to} of {@code target}, which has the same dim. */
  public void copyRow(long row, Matrix target, long to) {
    MemorySegment.copy(data, offset(row), target.data, offset(to), (long) dim * Float.BYTES);
  }

  /** Row {@code row} as a heap array. */
  public float[] row(long row) {
    float[] values = new float[dim];
    MemorySegment.copy(data, Layouts.F32, offset(row), values, 0, dim);
    return values;
  }

  /**
   * Divides every row by its length.
   *
   * @param name what the rows are, for the message
   * @throws TartanException if a row holds a NaN, an infinity or only zeros
   */
  public void normalizeRows(String name, long firstRow) {
    float[] row = new float[dim];
    for (long r = 0; r < rows; r++) {
      MemorySegment.copy(data, Layouts.F32, offset(r), row, 0, dim);
      double squares = 0;
      for (float value : row) {
        squares += (double) value * value;
      }
      if (!(squares > 0) || Double.isInfinite(squares)) {
        throw new TartanException(
            "%s: row %d %s; every token embedding needs a direction"
                .formatted(
                    name, firstRow + r, squares == 0 ? "is all zeros" : "holds a NaN or infinity"));
      }
      double inverse = 1 / Math.sqrt(squares); // of a tiny row it is beyond float32
      for (int d = 0; d < dim; d++) {
        row[d] = (float) (row[d] * inverse);
      }
      MemorySegment.copy(row, 0, data, Layouts.F32, offset(r), dim);
    }
  }

  private long offset(long row) {
    return row * dim * Float.BYTES;
  }
}
