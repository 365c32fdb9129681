package dev.tartan.indexing;

import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
            sample.slice(taken++, 1).data().copyFrom(rows.slice(i, 1).data());
          }
        }
        progress.advance(rows.rows());
      }
    }
    shuffle(sample, random);
    return sample;
  }

  private static void shuffle(Matrix rows, SplittableRandom random) {
    MemorySegment spare = MemorySegment.ofArray(new float[rows.dim()]);
    for (long i = rows.rows() - 1; i > 0; i--) {
      MemorySegment a = rows.slice(i, 1).data();
      MemorySegment b = rows.slice(random.nextLong(i + 1), 1).data();
      spare.copyFrom(a);
      a.copyFrom(b);
      b.copyFrom(spare);
    }
  }
}
