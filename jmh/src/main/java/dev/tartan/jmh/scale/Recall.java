package dev.tartan.jmh.scale;

import dev.tartan.search.Hit;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The share of the exact best that a search finds. */
final class Recall {
  private Recall() {}

  /**
   * Mean over queries.
   *
   * @param found hits of each query, best first
   * @param exact hits of an exhaustive search, at least {@code k} or all there are
   */
  static double of(List<List<Hit>> found, List<List<Hit>> exact, int k) {
    double sum = 0;
    for (int q = 0; q < exact.size(); q++) {
      Set<String> wanted = ids(exact.get(q), k);
      Set<String> got = ids(found.get(q), k);
      sum += (double) wanted.stream().filter(got::contains).count() / wanted.size();
    }
    return sum / exact.size();
  }

  private static Set<String> ids(List<Hit> hits, int k) {
    return hits.stream().limit(k).map(Hit::id).collect(Collectors.toSet());
  }
}
