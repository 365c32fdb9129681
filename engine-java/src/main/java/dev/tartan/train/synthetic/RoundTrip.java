package dev.tartan.train.synthetic;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Which synthetic queries lead back to their passage, as UDAPDR filters them: a query whose passage
 * the model does not find near the top is vague or asks for something else more often than it is
 * merely hard.
 *
 * @param kept in their order
 * @param rankings of those kept
 * @param lost that did not find their passage
 * @param duplicates that say the same as one before
 */
public record RoundTrip(
    List<SyntheticQuery> kept, List<List<String>> rankings, int lost, int duplicates) {
  /**
   * Filters.
   *
   * @param rankings of each query the ids of the best documents, best first
   * @param top how many of these the passage must be among
   */
  public static RoundTrip of(List<SyntheticQuery> queries, List<List<String>> rankings, int top) {
    List<SyntheticQuery> kept = new ArrayList<>();
    List<List<String>> their = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    int lost = 0;
    int duplicates = 0;
    for (int q = 0; q < queries.size(); q++) {
      List<String> ranking = rankings.get(q);
      SyntheticQuery query = queries.get(q);
      if (!seen.add(QueryReader.normal(query.query().text()))) {
        duplicates++;
      } else if (ranking.subList(0, Math.min(top, ranking.size())).contains(query.passageId())) {
        kept.add(query);
        their.add(ranking);
      } else {
        lost++;
      }
    }
    return new RoundTrip(kept, their, lost, duplicates);
  }
}
