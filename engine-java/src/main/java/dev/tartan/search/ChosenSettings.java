package dev.tartan.search;

import dev.tartan.segment.Manifest;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The settings that options lead to on one index: those measured on it, for as much more as it has
 * grown since, and for the share of it that is searched. Safe for any number of threads.
 */
final class ChosenSettings {
  /** Options whose settings are remembered, so that a search does not make them again. */
  private static final int MOST = 256;

  private final Manifest manifest;
  private final long passages;
  private final Map<SearchOptions, SearchSettings> known = new ConcurrentHashMap<>();

  ChosenSettings(Manifest manifest) {
    this.manifest = manifest;
    this.passages = manifest.passages();
  }

  SearchSettings of(SearchOptions options, @Nullable Selection selection) {
    if (selection != null) {
      return choose(options, (double) selection.passages() / Math.max(1, passages));
    }
    SearchSettings chosen = known.get(options);
    if (chosen == null) {
      chosen = choose(options, 1);
      if (known.size() < MOST) {
        known.put(options, chosen);
      }
    }
    return chosen;
  }

  private SearchSettings choose(SearchOptions options, double share) {
    if (options.exhaustive()) {
      return SearchSettings.exhaustive("as asked for");
    }
    SearchSettings measured = measured(options, options.k());
    if (options.given()) {
      return (measured.exhaustive() ? SearchSettings.untuned(options.k()) : measured).with(options);
    }
    Long then = manifest.searchPassages();
    double growth = then == null || then == 0 ? 1 : (double) passages / then;
    return measured.forShare(share, options.k(), k -> measured(options, k)).grown(growth);
  }

  private SearchSettings measured(SearchOptions options, int k) {
    return SearchSettings.forRecall(manifest.curves(), k, options.recall());
  }
}
