package dev.tartan.cli;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A file of query embeddings, float16 or float32 [queries, rows, dim]. Confined to one thread. */
final class QueryEmbeddings implements AutoCloseable {
  private final NpyFile file;
  private final int count;
  private final int rows;
  private final int dim;

  /**
   * @throws dev.tartan.memory.TartanException if it is missing, damaged or of another shape or type
   */
  QueryEmbeddings(Path path) {
    file = NpyFile.open(path);
    try {
      file.expect("--query-embeddings", 3, DType.F16, DType.F32);
      count = Math.toIntExact(file.shape()[0]);
      rows = Math.toIntExact(file.shape()[1]);
      dim = Math.toIntExact(file.shape()[2]);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  int count() {
    return count;
  }

  /** Queries {@code [first, first + n)} without their padding, in {@code arena}. */
  List<Matrix> read(int first, int n, Arena arena) {
    List<Matrix> queries = new ArrayList<>();
    for (int q = first; q < first + n; q++) {
      Matrix matrix = Matrix.allocate(arena, rows, dim);
      file.readFloats((long) q * rows * dim, (long) rows * dim, matrix.data());
      queries.add(withoutPadding(matrix));
    }
    return queries;
  }

  /**
   * 'tartan encode' ends shorter queries in rows of zeros, which would probe centroids for nothing.
   */
  private static Matrix withoutPadding(Matrix query) {
    long rows = query.rows();
    while (rows > 1 && isZero(query, rows - 1)) {
      rows--;
    }
    return query.slice(0, rows);
  }

  private static boolean isZero(Matrix query, long row) {
    for (int d = 0; d < query.dim(); d++) {
      if (query.get(row, d) != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    file.close();
  }
}
