package dev.tartan.codec;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The matrix that query rows are multiplied by to meet a rotated codec ({@link Rotation}), laid out
 * for a few rows at a time. Plain Java whatever the backend: a query has the same bits in all.
 * Immutable.
 */
public final class QueryRotation {
  private final int dim;

  /** [dim, dim]: row d is what element d of a query row adds to each element of its product. */
  private final float[] columns;

  public QueryRotation(Rotation rotation) {
    Matrix matrix = rotation.queries();
    dim = matrix.dim();
    columns = new float[dim * dim];
    for (int d = 0; d < dim; d++) {
      for (int j = 0; j < dim; j++) {
        columns[d * dim + j] = matrix.get(j, d);
      }
    }
  }

  /** Room for {@code rows} rows, to be used again and again by one thread at a time. */
  public Room room(int rows) {
    return new Room(rows);
  }

  /** Rotates a query's rows, without making an object. */
  public final class Room {
    private final float[] given;
    private final float[] rotated;

    private final MemorySegment values;

    private Room(int rows) {
      given = new float[rows * dim];
      rotated = new float[rows * dim];
      values = MemorySegment.ofArray(rotated);
    }

    /**
     * Rotates the rows of a query [n, dim], n within this room.
     *
     * @return F32 [rows of this room, dim], overwritten by the next; rows from n on have no meaning
     */
    public MemorySegment rotate(Matrix query) {
      int n = Math.toIntExact(query.rows()) * dim;
      MemorySegment.copy(query.data(), Layouts.F32, 0, given, 0, n);
      Arrays.fill(rotated, 0, n, 0);
      for (int row = 0; row < n; row += dim) {
        for (int d = 0; d < dim; d++) {
          add(given[row + d], d * dim, row);
        }
      }
      return values;
    }

    private void add(float by, int column, int row) {
      for (int j = 0; j < dim; j++) {
        rotated[row + j] += by * columns[column + j];
      }
    }
  }
}
