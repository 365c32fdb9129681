package dev.tartan.encode;

import dev.tartan.memory.Matrix;
import java.util.Arrays;

/**
 * The token embeddings of some passages, one passage after another.
 *
 * @param rows unit-length rows, [sum of doclens, dim]
 * @param doclens the number of rows of each passage; 0 is possible
 */
public record EncodedPassages(Matrix rows, int[] doclens) {
  @Override
  public String toString() {
    return "EncodedPassages[%d rows, doclens %s]".formatted(rows.rows(), Arrays.toString(doclens));
  }
}
