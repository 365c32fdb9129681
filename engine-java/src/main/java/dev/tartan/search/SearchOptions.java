package dev.tartan.search;

import dev.tartan.memory.TartanException;
import org.jspecify.annotations.Nullable;

/**
 * How a query is searched: how many hits, and what share of the exact ones must be among them. The
 * index knows what settings that takes; the nullable ones here replace them one by one, for
 * experts.
 *
 * @param k hits wanted, at least 1; fewer come back if the index has fewer documents
 * @param recall the share of the k best of all documents that a query finds on average, above 0; 1
 *     scores every passage, and the other settings do not matter then
 * @param nprobe see {@link SearchSettings}
 * @param threshold see {@link SearchSettings}
 * @param ndocs see {@link SearchSettings}
 * @param scored see {@link SearchSettings}
 */
public record SearchOptions(
    int k,
    double recall,
    @Nullable Integer nprobe,
    @Nullable Float threshold,
    @Nullable Integer ndocs,
    @Nullable Integer scored) {
  /** What is asked for if nothing is said. */
  public static final double DEFAULT_RECALL = 0.95;

  public SearchOptions {
    if (k < 1) {
      throw new TartanException("k is %d; ask for at least 1 hit".formatted(k));
    }
    if (!(recall > 0 && recall <= 1)) {
      throw new TartanException(
          "recall is %s; it must be above 0 and at most 1, where 1 scores every passage"
              .formatted(recall));
    }
    if (nprobe != null) {
      SearchSettings.requireNprobe(nprobe);
    }
    if (threshold != null) {
      SearchSettings.requireThreshold(threshold);
    }
    if (ndocs != null) {
      SearchSettings.requireNdocs(ndocs);
    }
    if (scored != null) {
      SearchSettings.requireScored(scored);
    }
  }

  /** The {@code k} best, as {@link #DEFAULT_RECALL} has it. */
  public static SearchOptions top(int k) {
    return top(k, DEFAULT_RECALL);
  }

  /** The {@code k} best, so that on average the share {@code recall} of the exact ones is there. */
  public static SearchOptions top(int k, double recall) {
    return new SearchOptions(k, recall, null, null, null, null);
  }

  /** The {@code k} best of all passages, each scored exactly. */
  public static SearchOptions exhaustive(int k) {
    return top(k, 1);
  }

  /** The {@code k} best by given settings. */
  public static SearchOptions of(int k, SearchSettings settings) {
    return new SearchOptions(
        k,
        DEFAULT_RECALL,
        settings.nprobe(),
        settings.threshold(),
        settings.ndocs(),
        settings.scored());
  }

  /** Whether every passage is scored because {@link #recall} is 1. */
  public boolean exhaustive() {
    return recall == 1;
  }

  /** Whether any setting replaces that of the index. */
  boolean given() {
    return nprobe != null || threshold != null || ndocs != null || scored != null;
  }
}
