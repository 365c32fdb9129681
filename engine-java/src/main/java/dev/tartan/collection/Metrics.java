package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The measures of a run. Averages are over the queries with at least one relevant document; such a
 * query that the run does not have counts 0, so that leaving out hard queries does not pay.
 * Immutable.
 */
public final class Metrics {
  private final Map<Measure, Map<String, Double>> values;
  private final int judgedQueries;
  private final int missingQueries;

  private Metrics(Map<Measure, Map<String, Double>> values, int judged, int missing) {
    this.values = values;
    this.judgedQueries = judged;
    this.missingQueries = missing;
  }

  /**
   * Measures {@code run}. Its queries without a relevant document are left out.
   *
   * @throws TartanException if no query has a relevant document
   */
  public static Metrics of(Qrels qrels, Run run) {
    Map<Measure, Map<String, Double>> values = new EnumMap<>(Measure.class);
    for (Measure measure : Measure.values()) {
      values.put(measure, new LinkedHashMap<>());
    }
    int judged = 0;
    int missing = 0;
    for (String query : qrels.queryIds()) {
      Map<String, Integer> grades = qrels.judgements(query);
      if (grades.values().stream().noneMatch(grade -> grade > 0)) {
        continue;
      }
      judged++;
      missing += run.ranking(query).isEmpty() ? 1 : 0;
      values.forEach(
          (measure, perQuery) -> perQuery.put(query, measure.of(run.ranking(query), grades)));
    }
    if (judged == 0) {
      throw new TartanException(
          "the judgements hold no relevant document (a grade of 1 or more), so nothing can be"
              + " measured; give other qrels");
    }
    return new Metrics(values, judged, missing);
  }

  /** The average over {@link #judgedQueries}. */
  public double mean(Measure measure) {
    return perQuery(measure).values().stream().mapToDouble(value -> value).sum() / judgedQueries;
  }

  /** Query id to value, in the order of the judgements, with the missing queries as 0. */
  public Map<String, Double> perQuery(Measure measure) {
    return Collections.unmodifiableMap(values.getOrDefault(measure, Map.of()));
  }

  /** Queries with at least one relevant document. */
  public int judgedQueries() {
    return judgedQueries;
  }

  /** Those of {@link #judgedQueries} for which the run has nothing. */
  public int missingQueries() {
    return missingQueries;
  }
}
