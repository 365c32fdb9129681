package dev.tartan.indexing;

import dev.tartan.codec.CodecTrainer;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;

/** Trains a codec for the token embeddings of a source, by a sample that bounds the memory. */
record CodecTraining(Backend backend, Progress progress) {
  /**
   * A codec in {@code arena}.
   *
   * @param centroids how many; 0 for as many as become the number of tokens
   */
  ResidualCodec train(
      EmbeddingSource source, int centroids, ResidualCodec.Kind kind, int nbits, Arena arena) {
    int count = centroids > 0 ? centroids : CodecTrainer.defaultCentroids(source.tokens());
    long wanted = (long) count * CodecTrainer.ROWS_PER_CENTROID;
    try (Arena sampleArena = Arena.ofShared()) {
      Matrix sample = Sample.draw(source, Math.min(source.tokens(), wanted), sampleArena, progress);
      return new CodecTrainer(backend, progress).train(sample, count, kind, nbits, arena);
    }
  }
}
