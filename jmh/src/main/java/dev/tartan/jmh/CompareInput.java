package dev.tartan.jmh;

import dev.tartan.collection.Qrels;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The folder that {@code jmh/peers/prepare.py} makes and all drivers read. */
public record CompareInput(Path folder) {
  Path embeddings() {
    return folder.resolve("embeddings.npy");
  }

  Path doclens() {
    return folder.resolve("doclens.npy");
  }

  /**
   * The rows [rows, dim] of each query of {@link #searched} in {@code arena}, without the zeros
   * that fill them up.
   */
  public List<Matrix> queries(Arena arena) {
    List<Matrix> queries = new ArrayList<>();
    try (NpyFile file = NpyFile.open(folder.resolve("queries.npy"))) {
      long[] shape = file.expect("queries", 3, DType.F16, DType.F32).shape();
      int dim = Math.toIntExact(shape[2]);
      for (long q : searched()) {
        Matrix query = Matrix.allocate(arena, shape[1], dim);
        file.readFloats(q * shape[1] * dim, shape[1] * dim, query.data());
        long rows = shape[1];
        while (rows > 1 && isZero(query.row(rows - 1))) {
          rows--;
        }
        queries.add(query.slice(0, rows));
      }
    }
    return queries;
  }

  /**
   * The numbers of the queries that are searched: all, or with QUERIES in the environment so many,
   * evenly spread.
   */
  int[] searched() {
    try (NpyFile file = NpyFile.open(folder.resolve("queries.npy"))) {
      int all = Math.toIntExact(file.shape()[0]);
      return chosen(all, setting("QUERIES", all));
    }
  }

  /** {@code count} of the queries 0 to {@code all} - 1 at most, evenly spread. */
  static int[] chosen(int all, int count) {
    int[] chosen = new int[Math.min(all, count)];
    Arrays.setAll(chosen, i -> (int) ((long) i * all / chosen.length));
    return chosen;
  }

  /** A number of the environment. */
  static int setting(String name, int otherwise) {
    String value = System.getenv(name);
    return value == null ? otherwise : Integer.parseInt(value);
  }

  /** The best passages of each query by float MaxSim, best first: [queries][k]. */
  int[][] exact() {
    return passages(folder.resolve("exact.npy"));
  }

  /**
   * The passages that were found for each query, [queries][k]; -1 from where there were no more.
   */
  static int[][] passages(Path file) {
    try (NpyFile npy = NpyFile.open(file)) {
      long[] shape = npy.expect("passages", 2, DType.I32).shape();
      long[] flat = npy.readLongs();
      int[][] rows = new int[(int) shape[0]][(int) shape[1]];
      for (int i = 0; i < flat.length; i++) {
        rows[i / (int) shape[1]][i % (int) shape[1]] = (int) flat[i];
      }
      return rows;
    }
  }

  /** Null if there are no judgements. */
  @Nullable Qrels qrels() {
    Path file = folder.resolve("qrels.tsv");
    return Files.exists(file) ? Qrels.read(file) : null;
  }

  List<String> queryIds() throws IOException {
    return Files.readAllLines(folder.resolve("query-ids"));
  }

  List<String> passageIds() throws IOException {
    return Files.readAllLines(folder.resolve("ids"));
  }

  private static boolean isZero(float[] row) {
    for (float x : row) {
      if (x != 0) {
        return false;
      }
    }
    return true;
  }
}
