package dev.tartan.search;

import dev.tartan.memory.TartanException;
import org.jspecify.annotations.Nullable;

/**
 * How a query is searched. What is null comes from the settings measured on the index, or else from
 * the published defaults.
 *
 * @param k hits wanted, at least 1; fewer come back if the index has fewer documents
 * @param nprobe see {@link SearchSettings}
 * @param threshold see {@link SearchSettings}
 * @param ndocs see {@link SearchSettings}
 * @param exhaustive score every passage exactly; the other settings do not matter then
 */
public record SearchOptions(
    int k,
    @Nullable Integer nprobe,
    @Nullable Float threshold,
    @Nullable Integer ndocs,
    boolean exhaustive) {
  public SearchOptions {
    if (k < 1) {
      throw new TartanException("k is %d; ask for at least 1 hit".formatted(k));
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
  }

  /** The {@code k} best by the settings of the index. */
  public static SearchOptions top(int k) {
    return new SearchOptions(k, null, null, null, false);
  }

  /** The {@code k} best of all passages, each scored exactly. */
  public static SearchOptions exhaustive(int k) {
    return new SearchOptions(k, null, null, null, true);
  }

  /** The {@code k} best by given settings. */
  public static SearchOptions of(int k, SearchSettings settings) {
    return new SearchOptions(k, settings.nprobe(), settings.threshold(), settings.ndocs(), false);
  }
}
