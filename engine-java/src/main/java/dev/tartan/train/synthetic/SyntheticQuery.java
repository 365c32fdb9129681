package dev.tartan.train.synthetic;

import dev.tartan.collection.Qrels;
import dev.tartan.collection.Query;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A query and the passage that it was made of.
 *
 * @param passageId the document
 */
public record SyntheticQuery(Query query, String passageId) {
  /** The queries that the journal has of {@code asks}, in their order, named by their place. */
  public static List<SyntheticQuery> of(List<Ask> asks, Journal journal) {
    List<SyntheticQuery> queries = new ArrayList<>();
    for (int i = 0; i < asks.size(); i++) {
      Journal.Entry entry = journal.find(asks.get(i));
      if (entry != null && entry.query() != null) {
        queries.add(new SyntheticQuery(new Query("s" + (i + 1), entry.query()), entry.passage()));
      }
    }
    return queries;
  }

  /** The queries alone. */
  public static List<Query> queries(List<SyntheticQuery> all) {
    return all.stream().map(SyntheticQuery::query).toList();
  }

  /** Each passage as the one relevant to its query. */
  public static Qrels qrels(List<SyntheticQuery> all) {
    Map<String, Map<String, Integer>> grades = new LinkedHashMap<>();
    all.forEach(one -> grades.put(one.query().id(), Map.of(one.passageId(), 1)));
    return Qrels.of(grades);
  }
}
