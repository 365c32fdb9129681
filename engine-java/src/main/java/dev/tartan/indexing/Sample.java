package dev.tartan.indexing;

import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/**
 * A uniform sample of token embeddings in random order, without replacement, the same for the same
 * tokens on every run.
 */
final class Sample {
  private static final long SEED = 20_240_229;

  private Sample() {}

  /**
   * {@code count} rows of {@code source}, normalised, in {@code arena}. Reads the source front to
   * back once.
   */
  static Matrix draw(EmbeddingSource source, long count, Arena arena, Progress progress) {
    SplittableRandom random = new SplittableRandom(SEED);
    Matrix sample = Matrix.allocate(arena, count, source.dim());
    progress.stage("sampling", "tokens", source.tokens());
    long taken = 0;
    long left = source.tokens();
    try (ChunkReader reader = new ChunkReader(source)) {
      for (Matrix rows = reader.next(); rows != null; rows = reader.next()) {
        for (long i = 0; i < rows.rows(); i++) {
          if (random.nextLong(left--) < count - taken) { // selection sampling, Knuth 3.4.2 S
            rows.copyRow(i, sample, taken++);
          }
        }
        progress.advance(rows.rows());
      }
    }
    shuffle(sample, random);
    return sample;
  }

  /** Copies by offsets: slices of half a million rows would fill the heap with garbage. */
  private static void shuffle(Matrix rows, SplittableRandom random) {
    try (Arena arena = Arena.ofConfined()) {
      Matrix spare = Matrix.allocate(arena, 1, rows.dim());
      for (long i = rows.rows() - 1; i > 0; i--) {
        long other = random.nextLong(i + 1);
        rows.copyRow(i, spare, 0);
        rows.copyRow(other, rows, i);
        spare.copyRow(0, rows, other);
      }
    }
  }
}
