package dev.tartan.cli;

import dev.tartan.codec.CodecTrainer;
import dev.tartan.segment.CodecFit;
import dev.tartan.segment.Manifest;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether an index still fits what it holds.
 *
 * @param trained mean squared distance of a token from its centroid when the codec was trained
 * @param residual the same of all tokens now
 * @param outliers share of the tokens now that are farther than {@link CodecFit#WITHIN} of them
 *     were
 * @param growth centroids that so many tokens would have by default, over those there are
 * @param measured living passages over those when search settings were measured; 1 if not known
 * @param known whether distances are known
 */
record Health(
    double trained,
    double residual,
    double outliers,
    double growth,
    double measured,
    boolean known) {
  /** Twice the outliers of the codec's own training. */
  private static final double MOST_OUTLIERS = 2 * (1 - CodecFit.WITHIN);

  private static final double MOST_RESIDUAL = 1.15;
  private static final double MOST_GROWTH = 4;
  private static final double MOST_UNMEASURED = 1.25;

  static Health of(Manifest manifest) {
    double residual = 0;
    double outliers = 0;
    double counted = 0;
    Manifest.Training training = manifest.codec().training();
    for (Manifest.SegmentEntry segment : manifest.segments()) {
      Manifest.Fit fit = segment.fit();
      if (fit != null && segment.codec().equals(manifest.codec().file())) {
        residual += fit.residual() * segment.livingTokens();
        outliers += fit.outliers() * segment.livingTokens();
        counted += segment.livingTokens();
      }
    }
    Long then = manifest.searchPassages();
    return new Health(
        training == null ? 0 : training.residual(),
        residual / Math.max(1, counted),
        outliers / Math.max(1, counted),
        (double) CodecTrainer.defaultCentroids(Math.max(1, manifest.tokens()))
            / manifest.codec().centroids(),
        then == null || then == 0 ? 1 : (double) manifest.passages() / then,
        training != null && counted > 0);
  }

  /** Whether the codec should be trained again. */
  boolean stale() {
    return known
        && (outliers > MOST_OUTLIERS
            || residual > MOST_RESIDUAL * trained
            || growth >= MOST_GROWTH);
  }

  /** Whether search settings were measured on an index much smaller. */
  boolean outgrown() {
    return measured > MOST_UNMEASURED;
  }

  /** What to do, in a line; empty if all is well. */
  Optional<String> advice() {
    if (stale()) {
      return Optional.of(
          "the codec no longer fits what the index holds (%s): 'tartan compact --retrain' trains a new one"
              .formatted(fit()));
    }
    return outgrown()
        ? Optional.of(
            String.format(
                Locale.ROOT,
                "the index is %.1f times what its search settings were measured on: 'tartan tune' measures again",
                measured))
        : Optional.empty();
  }

  /** "distance 0.412, 0.398 when trained; 5.6 % outliers". */
  String fit() {
    return String.format(
        Locale.ROOT,
        "mean squared distance from centroids %.3f, %.3f when trained; %.1f %% outliers, 5 %% when trained",
        residual,
        trained,
        100 * outliers);
  }

  /** The lines that {@code info} prints. */
  List<String> lines() {
    String fits =
        known ? fit() : "not measured: an earlier Tartan, or another engine, made the index";
    return advice().map(told -> List.of(fits, told)).orElse(List.of(fits));
  }
}
