package dev.tartan.search;

import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * How far a search looks. Exact scores cost most, approximate ones a tenth of that, and postings
 * next to nothing; so many centroids are probed, and few passages scored exactly.
 *
 * @param nprobe centroids probed for each query row, at least 1 (PLAID, 2205.09707, section 4.1)
 * @param threshold centroids whose best score is below it do not count in approximate scores
 *     (PLAID, section 4.3); negative infinity, as all calibrated settings have it, leaves none out
 * @param ndocs candidates kept by what their inverted lists tell, to be scored approximately
 * @param scored of these, passages scored exactly; with as many as ndocs there is no approximate
 *     scoring
 * @param origin where they come from, in words
 */
public record SearchSettings(int nprobe, float threshold, int ndocs, int scored, String origin) {
  /** Settings of {@link #untuned}: found on three collections, not on the index at hand. */
  private static final int UNTUNED_NPROBE = 16;

  private static final int ALL = Integer.MAX_VALUE;

  /** Beyond it curves are in proportion anyway. */
  private static final int MOST_WIDE = 1 << 24;

  public SearchSettings {
    requireNprobe(nprobe);
    requireThreshold(threshold);
    requireNdocs(ndocs);
    requireScored(scored);
  }

  /**
   * The cheapest settings known to find the share {@code recall} of the {@code k} best; if no such
   * are, every passage is scored.
   *
   * @param curves of the manifest, by ascending k and then recall; none for {@link #untuned}
   */
  static SearchSettings forRecall(List<Manifest.SearchEntry> curves, int k, double recall) {
    if (curves.isEmpty()) {
      return untuned(k);
    }
    int measured =
        curves.stream()
            .mapToInt(Manifest.SearchEntry::k)
            .filter(m -> m >= k)
            .findFirst()
            .orElse(curves.getLast().k());
    Manifest.SearchEntry point = null;
    for (Manifest.SearchEntry entry : curves) {
      if (entry.k() == measured && entry.recall() >= recall) {
        point = entry;
        break;
      }
    }
    return point == null ? exhaustive(beyond(curves, measured, recall)) : of(point, k);
  }

  private static String beyond(List<Manifest.SearchEntry> curves, int measured, double recall) {
    double reached =
        curves.stream()
            .filter(entry -> entry.k() == measured)
            .mapToDouble(Manifest.SearchEntry::recall)
            .max()
            .orElse(0);
    return String.format(
        Locale.ROOT, "recall %s is beyond the %.4f measured on this index", recall, reached);
  }

  /** One point of a curve; for more hits than it was measured for, in proportion. */
  private static SearchSettings of(Manifest.SearchEntry entry, int k) {
    String origin =
        String.format(
            Locale.ROOT,
            "recall %.3f of the top %d, measured on this index",
            entry.recall(),
            entry.k());
    double more = Math.max(1, (double) k / entry.k());
    return new SearchSettings(
        entry.nprobe(),
        Float.NEGATIVE_INFINITY,
        times(entry.ndocs(), more),
        times(Objects.requireNonNull(entry.scored()), more),
        origin);
  }

  private static int times(int value, double factor) {
    return (int) Math.ceil(value * factor); // beyond int stays the greatest int
  }

  /** Settings for an index that has not been calibrated; generous. */
  public static SearchSettings untuned(int k) {
    return new SearchSettings(
        UNTUNED_NPROBE,
        Float.NEGATIVE_INFINITY,
        Math.max(1024, times(k, 16)),
        Math.max(64, times(k, 4)),
        "defaults: 'tartan tune' has not measured this index");
  }

  /** Of a selection up to so many times the passages scored approximately, all are. */
  private static final int SCANNED = 4;

  /**
   * These settings for a search of a share of the passages: the k best of them are about the {@code
   * k / share} best of all, so that many are looked for, and the share of these scored.
   *
   * @param share above 0 to 1; of 0 nothing can be found
   * @param measured the settings of this index for another k
   */
  SearchSettings forShare(double share, int k, IntFunction<SearchSettings> measured) {
    if (share >= 1 || share <= 0 || exhaustive()) {
      return this;
    }
    SearchSettings wide = measured.apply((int) Math.min(MOST_WIDE, Math.ceil(k / share)));
    return new SearchSettings(
        Math.max(nprobe, wide.nprobe),
        threshold,
        Math.max(ndocs, times(wide.ndocs, share)),
        Math.max(scored, times(wide.scored, share)),
        origin);
  }

  /**
   * These settings for an index that has grown to {@code times} what it was when it was measured.
   */
  SearchSettings grown(double times) {
    return times <= 1 || exhaustive()
        ? this
        : new SearchSettings(nprobe, threshold, times(ndocs, times), times(scored, times), origin);
  }

  /** Whether all passages of a selection are scored approximately, without reading lists. */
  boolean scans(long selected) {
    return selected <= (long) SCANNED * Math.max(ndocs, scored);
  }

  /** Every passage scored. */
  static SearchSettings exhaustive(String why) {
    return new SearchSettings(ALL, Float.NEGATIVE_INFINITY, ALL, ALL, why);
  }

  /** Whether every passage is scored. */
  public boolean exhaustive() {
    return nprobe == ALL && ndocs == ALL && scored == ALL;
  }

  /** These with what {@code options} give in their place. */
  SearchSettings with(SearchOptions options) {
    return new SearchSettings(
        or(options.nprobe(), nprobe),
        options.threshold() == null ? threshold : options.threshold(),
        or(options.ndocs(), ndocs),
        or(options.scored(), scored),
        "given");
  }

  private static int or(@Nullable Integer given, int otherwise) {
    return given == null ? otherwise : given;
  }

  /** "nprobe 16, ndocs 128, scored 24 (recall 0.953 of the top 10, measured on this index)". */
  @Override
  public String toString() {
    if (exhaustive()) {
      return "every passage scored (%s)".formatted(origin);
    }
    String pruning =
        threshold == Float.NEGATIVE_INFINITY
            ? ""
            : String.format(Locale.ROOT, "threshold %.3f, ", threshold);
    return "nprobe %d, %sndocs %d, scored %d (%s)"
        .formatted(nprobe, pruning, ndocs, scored, origin);
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
    if (ndocs < 1) {
      throw new TartanException("ndocs is %d; it must be at least 1".formatted(ndocs));
    }
  }

  static void requireScored(int scored) {
    if (scored < 1) {
      throw new TartanException("scored is %d; it must be at least 1".formatted(scored));
    }
  }
}
