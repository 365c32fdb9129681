package dev.tartan.train;

import org.jspecify.annotations.Nullable;

/**
 * What came of a run.
 *
 * @param steps done, those before a resumption included
 * @param loss mean of the last steps, at most 20
 * @param metrics of the development queries; null if there were none
 */
public record TrainResult(int steps, double loss, @Nullable Metrics metrics) {
  /**
   * Mean nDCG@10 on the development queries.
   *
   * @param before of the model that training began with
   * @param best of the model that was written
   * @param bestStep the steps that it has had; 0 if training never helped
   */
  public record Metrics(double before, double best, int bestStep) {}
}
