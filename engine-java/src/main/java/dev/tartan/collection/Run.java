package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a search answered: for each query a ranking, best first. Immutable. */
public final class Run {
  private static final String WANTED = "write query-id Q0 document-id rank score tag";

  private final Map<String, List<Ranked>> rankings;

  private Run(Map<String, List<Ranked>> rankings) {
    this.rankings = rankings;
  }

  /**
   * Reads TREC's six columns ({@code qid Q0 docid rank score tag}). A ranking is sorted by score,
   * highest first, and where scores are equal by the rank of the file (trec_eval would take the
   * document ids, which says nothing about the engine).
   *
   * @throws TartanException that names file and line if a line has another number of columns, a
   *     rank that is not a whole number, a score that is not a finite number, or a document its
   *     query has already; or if the file is missing or holds no results
   */
  public static Run read(Path path) {
    Map<String, List<Row>> rows = new LinkedHashMap<>();
    try (Lines lines = Lines.open(path)) {
      // The documents of different queries overlap: one string for each id, not for each line.
      Map<String, String> ids = new HashMap<>();
      Map<String, Set<String>> seen = new HashMap<>();
      for (String line = lines.nextFilled(); line != null; line = lines.nextFilled()) {
        List<String> columns = Lines.columns(line, Set.of(6));
        if (columns.size() != 6) {
          throw lines.bad(
              "has %d columns: %s; %s".formatted(columns.size(), Lines.quoted(line), WANTED));
        }
        String query = columns.getFirst();
        String document = ids.computeIfAbsent(columns.get(2), id -> id);
        if (!seen.computeIfAbsent(query, q -> new HashSet<>()).add(document)) {
          throw lines.bad(
              "query %s has document %s twice; keep one"
                  .formatted(Lines.quoted(query), Lines.quoted(document)));
        }
        rows.computeIfAbsent(query, q -> new ArrayList<>())
            .add(new Row(document, rank(columns.get(3), lines), score(columns.get(4), lines)));
      }
      if (rows.isEmpty()) {
        throw lines.badFile("holds no results; " + WANTED);
      }
    }
    return new Run(sorted(rows));
  }

  /**
   * A run from memory: query id to ranking, best first. Copied, order kept.
   *
   * @throws IllegalArgumentException if a ranking holds a document twice, which would count twice
   */
  public static Run of(Map<String, List<Ranked>> rankings) {
    Map<String, List<Ranked>> copy = new LinkedHashMap<>();
    rankings.forEach(
        (query, ranking) -> {
          if (ranking.stream().map(Ranked::documentId).distinct().count() < ranking.size()) {
            throw new IllegalArgumentException("query " + query + " has a document twice");
          }
          copy.put(query, List.copyOf(ranking));
        });
    return new Run(copy);
  }

  /** The queries in the order of the file. */
  public Set<String> queryIds() {
    return Collections.unmodifiableSet(rankings.keySet());
  }

  /** The ranking of a query, best first; empty if the run does not have the query. */
  public List<Ranked> ranking(String queryId) {
    return rankings.getOrDefault(queryId, List.of());
  }

  private static Map<String, List<Ranked>> sorted(Map<String, List<Row>> rows) {
    Comparator<Row> order =
        Comparator.comparingDouble(Row::score).reversed().thenComparingLong(Row::rank);
    Map<String, List<Ranked>> rankings = new LinkedHashMap<>();
    rows.forEach(
        (query, list) ->
            rankings.put(
                query,
                list.stream()
                    .sorted(order)
                    .map(row -> new Ranked(row.documentId, row.score))
                    .toList()));
    return rankings;
  }

  private static long rank(String value, Lines lines) {
    try {
      return Long.parseLong(value.trim());
    } catch (NumberFormatException e) {
      throw lines.bad("the rank " + Lines.quoted(value) + " is not a whole number; " + WANTED);
    }
  }

  private static double score(String value, Lines lines) {
    double score;
    try {
      score = Double.parseDouble(value);
    } catch (NumberFormatException e) {
      score = Double.NaN;
    }
    if (!Double.isFinite(score)) {
      throw lines.bad("the score " + Lines.quoted(value) + " is not a finite number; " + WANTED);
    }
    // Minus zero would sort below zero.
    return score + 0.0;
  }

  private record Row(String documentId, long rank, double score) {}
}
