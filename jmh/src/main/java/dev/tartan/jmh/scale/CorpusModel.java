package dev.tartan.jmh.scale;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.NpyWriter;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What {@link CorpusFit} found in a real collection: its passages as templates. A token of a
 * template is a type (a centroid of a fine clustering) and how far it was from that type; what all
 * tokens of a passage share, since they have one context, is the passage's mean residual. Kept as a
 * folder of NPY files. All arrays are read-only by convention.
 *
 * @param dim width of a token embedding
 * @param types [types, dim], unit length
 * @param factor [dim, dim], lower triangle: the Cholesky factor of the covariance of residuals,
 *     whose trace is 1
 * @param doclens [templates], at least 1 each
 * @param topics [templates], the topic of each template, dense from 0
 * @param means [templates, dim], mean residual of each template
 * @param codes [tokens], the type of each token
 * @param spreads [tokens], length of each token's residual without the passage's mean
 * @param signs [tokens, dim / 32], the signs of the same residual, bit d % 32 of word d / 32 for
 *     dimension d: 1 is positive
 * @param queries how real queries relate to the template they fit best
 */
record CorpusModel(
    int dim,
    float[] types,
    float[] factor,
    int[] doclens,
    int[] topics,
    float[] means,
    int[] codes,
    float[] spreads,
    int[] signs,
    Queries queries) {

  /**
   * Rows of real queries, each relative to the token of its best template that it matches best.
   *
   * @param places three integers a row: query (dense from 0, ascending), template, position in it
   * @param similarities [rows], dot product with the matched token
   * @param aside [rows, dim], the unit direction of what remains of the row
   */
  record Queries(int[] places, float[] similarities, float[] aside) {
    static final int FIELDS = 3;

    int rows() {
      return similarities.length;
    }

    int query(int row) {
      return places[row * FIELDS];
    }

    int template(int row) {
      return places[row * FIELDS + 1];
    }

    int position(int row) {
      return places[row * FIELDS + 2];
    }
  }

  /** Words of {@link #signs} a token. */
  static int signWords(int dim) {
    return (dim + 31) / 32;
  }

  int templates() {
    return doclens.length;
  }

  /** Writes the model into {@code folder}, which is created if need be. */
  void save(Path folder) throws IOException {
    Files.createDirectories(folder);
    writeFloats(folder, "types", DType.F16, types, dim);
    writeFloats(folder, "factor", DType.F32, factor, dim);
    writeFloats(folder, "means", DType.F16, means, dim);
    writeFloats(folder, "spreads", DType.F16, spreads, 1);
    writeFloats(folder, "query-similarities", DType.F32, queries.similarities, 1);
    writeFloats(folder, "query-aside", DType.F16, queries.aside, dim);
    writeInts(folder, "doclens", doclens);
    writeInts(folder, "topics", topics);
    writeInts(folder, "codes", codes);
    writeInts(folder, "signs", signs);
    writeInts(folder, "query-places", queries.places);
  }

  /**
   * Reads a model.
   *
   * @throws TartanException if {@code folder} holds none
   */
  static CorpusModel load(Path folder) {
    if (!Files.exists(folder.resolve("factor.npy"))) {
      throw new TartanException(
          folder + " holds no corpus model; make one with './tartan bench generate fit'");
    }
    float[] factor = readFloats(folder, "factor");
    return new CorpusModel(
        (int) Math.sqrt(factor.length),
        readFloats(folder, "types"),
        factor,
        readInts(folder, "doclens"),
        readInts(folder, "topics"),
        readFloats(folder, "means"),
        readInts(folder, "codes"),
        readFloats(folder, "spreads"),
        readInts(folder, "signs"),
        new Queries(
            readInts(folder, "query-places"),
            readFloats(folder, "query-similarities"),
            readFloats(folder, "query-aside")));
  }

  private static Path file(Path folder, String name) {
    return folder.resolve(name + ".npy");
  }

  private static void writeFloats(
      Path folder, String name, DType dtype, float[] values, int columns) {
    try (NpyWriter writer = new NpyWriter(file(folder, name), dtype, columns);
        Arena arena = Arena.ofConfined()) {
      writer.writeRows(Vectors.matrix(values, columns, arena));
    }
  }

  private static void writeInts(Path folder, String name, int[] values) {
    try (NpyWriter writer = new NpyWriter(file(folder, name), DType.I32)) {
      writer.writeInts(values);
    }
  }

  private static float[] readFloats(Path folder, String name) {
    try (NpyFile file = NpyFile.open(file(folder, name));
        Arena arena = Arena.ofConfined()) {
      long[] shape = file.expect("a corpus model", 2, DType.F16, DType.F32).shape();
      Matrix matrix = Matrix.allocate(arena, shape[0], Math.toIntExact(shape[1]));
      file.readFloats(0, shape[0] * shape[1], matrix.data());
      return Vectors.floats(matrix);
    }
  }

  private static int[] readInts(Path folder, String name) {
    try (NpyFile file = NpyFile.open(file(folder, name))) {
      return Arrays.stream(file.expect("a corpus model", 1, DType.I32).readLongs())
          .mapToInt(v -> (int) v)
          .toArray();
    }
  }
}
