package dev.tartan.search;

import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import java.util.Locale;

/**
 * The three knobs of PLAID (2205.09707, section 4).
 *
 * @param nprobe centroids probed for each query row, at least 1
 * @param threshold centroids whose best score is below it are left out of the first approximate
 *     scoring; negative infinity for none
 * @param ndocs passages kept by the first approximate scoring; a quarter of them is scored exactly
 * @param origin where they come from: "given", "measured on this index" or "published defaults"
 */
public record SearchSettings(int nprobe, float threshold, int ndocs, String origin) {
  public SearchSettings {
    requireNprobe(nprobe);
    requireThreshold(threshold);
    requireNdocs(ndocs);
  }

  /** The settings that were measured on an index. */
  public static SearchSettings of(Manifest.SearchEntry entry, String origin) {
    Float threshold = entry.threshold();
    return new SearchSettings(
        entry.nprobe(),
        threshold == null ? Float.NEGATIVE_INFINITY : threshold,
        entry.ndocs(),
        origin);
  }

  /**
   * The published settings for results of {@code k} hits, made for colbertv2's distribution of
   * scores.
   */
  public static SearchSettings published(int k) {
    String origin = "published defaults";
    if (k <= 10) {
      return new SearchSettings(1, 0.5f, 256, origin);
    }
    if (k <= 100) {
      return new SearchSettings(2, 0.45f, 1024, origin);
    }
    return new SearchSettings(4, 0.4f, (int) Math.max(4L * k, 4096), origin);
  }

  /** "nprobe 2, threshold 0.45, ndocs 1024 (published defaults)". */
  @Override
  public String toString() {
    String pruning =
        threshold == Float.NEGATIVE_INFINITY
            ? "no threshold"
            : String.format(Locale.ROOT, "threshold %.3f", threshold);
    return "nprobe %d, %s, ndocs %d (%s)".formatted(nprobe, pruning, ndocs, origin);
  }

  static void requireNprobe(int nprobe) {
    if (nprobe < 1) {
      throw new TartanException(
          "nprobe is %d; at least one centroid must be probed".formatted(nprobe));
    }
  }

  static void requireThreshold(float threshold) {
    if (Float.isNaN(threshold)) {
      throw new TartanException("the centroid score threshold is not a number");
    }
  }

  static void requireNdocs(int ndocs) {
    if (ndocs < 4) {
      throw new TartanException("ndocs is %d; it must be at least 4".formatted(ndocs));
    }
  }
}
