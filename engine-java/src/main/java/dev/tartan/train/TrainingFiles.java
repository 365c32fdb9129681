package dev.tartan.train;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a run reads.
 *
 * @param examples see {@link dev.tartan.collection.TrainingExamples}
 * @param queries of the examples
 * @param collection their passages, and those that the development queries search
 * @param development what to measure progress by; null for nothing
 */
public record TrainingFiles(
    Path examples, Path queries, Path collection, @Nullable Development development) {

  /**
   * Judged queries that are not trained on.
   *
   * @param queries the file
   * @param qrels its judgements
   * @param passages how many passages of the collection to search: the judged ones and a sample
   */
  public record Development(Path queries, Path qrels, int passages) {}
}
