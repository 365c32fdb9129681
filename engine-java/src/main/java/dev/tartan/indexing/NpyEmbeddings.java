package dev.tartan.indexing;

import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.TartanException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Token embeddings and doclens that somebody else has made: an NPY file of [tokens, dim] float16 or
 * float32 and one of [passages] int32 or int64.
 */
public final class NpyEmbeddings implements PassageSource, AutoCloseable {
  private final NpyFile rows;
  private final int[] doclens;

  /**
   * Opens the two files.
   *
   * @throws TartanException if one is missing, of a wrong type or shape, or they do not fit each
   *     other
   */
  public NpyEmbeddings(Path rows, Path doclens) {
    this.rows = NpyFile.open(rows);
    try {
      this.rows.expect("--embeddings", 2, DType.F16, DType.F32);
      this.doclens = readDoclens(doclens);
      long sum = Arrays.stream(this.doclens).asLongStream().sum();
      if (sum != tokens()) {
        throw new TartanException(
            "%s sums to %d tokens, but %s has %d rows".formatted(doclens, sum, rows, tokens()));
      }
    } catch (RuntimeException e) {
      this.rows.close();
      throw e;
    }
  }

  private static int[] readDoclens(Path path) {
    try (NpyFile file = NpyFile.open(path)) {
      long[] values = file.expect("--doclens", 1, DType.I32, DType.I64).readLongs();
      for (int i = 0; i < values.length; i++) {
        if (values[i] < 0 || values[i] > Integer.MAX_VALUE) {
          throw new TartanException("%s: entry %d is %d tokens".formatted(path, i, values[i]));
        }
      }
      return Arrays.stream(values).mapToInt(v -> (int) v).toArray();
    }
  }

  @Override
  public int passages() {
    return doclens.length;
  }

  @Override
  public int doclen(int passage) {
    return doclens[passage];
  }

  @Override
  public long tokens() {
    return rows.shape()[0];
  }

  @Override
  public int dim() {
    return Math.toIntExact(rows.shape()[1]);
  }

  @Override
  public String name() {
    return rows.path().toString();
  }

  @Override
  public void read(long first, Matrix target) {
    rows.readFloats(first * dim(), target.rows() * dim(), target.data());
  }

  @Override
  public void close() {
    rows.close();
  }
}
