package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Relevance judgements: for a query and a document a grade, relevant from 1. Immutable. */
public final class Qrels {
  private static final Set<String> HEADER_STARTS =
      Set.of("query-id", "query_id", "queryid", "query", "qid");
  private static final String WANTED =
      "write query-id<TAB>corpus-id<TAB>score, or query-id 0 document-id grade";

  private final Map<String, Map<String, Integer>> grades;

  private Qrels(Map<String, Map<String, Integer>> grades) {
    this.grades = grades;
  }

  /**
   * Reads BEIR's three columns, with or without the header line, or TREC's four ({@code qid 0 docid
   * grade}); the first line decides which.
   *
   * @throws TartanException that names file and line if a line has another number of columns, a
   *     blank id, a grade that is not a whole number, or contradicts an earlier one; or if the file
   *     is missing or holds no judgements
   */
  public static Qrels read(Path path) {
    Map<String, Map<String, Integer>> grades = new LinkedHashMap<>();
    try (Lines lines = Lines.open(path)) {
      Set<Integer> wanted = Set.of(3, 4);
      for (String line = lines.nextFilled(); line != null; line = lines.nextFilled()) {
        List<String> columns = Lines.columns(line, wanted);
        if (!wanted.contains(columns.size())) {
          throw lines.bad(
              "has %d columns: %s; %s".formatted(columns.size(), Lines.quoted(line), WANTED));
        }
        wanted = Set.of(columns.size());
        if (lines.number() > 1 || !isHeader(columns)) {
          put(grades, columns, lines);
        }
      }
      if (grades.isEmpty()) {
        throw lines.badFile("holds no judgements; " + WANTED);
      }
    }
    return new Qrels(grades);
  }

  /** Judgements from memory: query id to document id to grade. Copied. */
  public static Qrels of(Map<String, Map<String, Integer>> grades) {
    Map<String, Map<String, Integer>> copy = new LinkedHashMap<>();
    grades.forEach((query, judged) -> copy.put(query, new LinkedHashMap<>(judged)));
    return new Qrels(copy);
  }

  /**
   * Creates or replaces {@code path} with these judgements in BEIR's three columns.
   *
   * @throws TartanException if it cannot be written
   */
  public void write(Path path) {
    try (BufferedWriter out = Files.newBufferedWriter(path)) {
      out.write("query-id\tcorpus-id\tscore\n");
      for (Map.Entry<String, Map<String, Integer>> judged : grades.entrySet()) {
        for (Map.Entry<String, Integer> grade : judged.getValue().entrySet()) {
          out.write("%s\t%s\t%d\n".formatted(judged.getKey(), grade.getKey(), grade.getValue()));
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  /** The judged queries in the order of the file, also those without a relevant document. */
  public Set<String> queryIds() {
    return Collections.unmodifiableSet(grades.keySet());
  }

  /** Document id to grade; empty for a query that was not judged. */
  public Map<String, Integer> judgements(String queryId) {
    return Collections.unmodifiableMap(grades.getOrDefault(queryId, Map.of()));
  }

  private static boolean isHeader(List<String> columns) {
    return HEADER_STARTS.contains(columns.getFirst()) && !columns.getLast().matches("-?\\d+");
  }

  private static void put(
      Map<String, Map<String, Integer>> grades, List<String> columns, Lines lines) {
    String query = columns.getFirst();
    String document = columns.get(columns.size() - 2);
    if (query.isBlank() || document.isBlank()) {
      throw lines.bad("has a blank id; " + WANTED);
    }
    int grade = grade(columns.getLast(), lines);
    Integer before =
        grades.computeIfAbsent(query, q -> new LinkedHashMap<>()).putIfAbsent(document, grade);
    if (before != null && before != grade) {
      throw lines.bad(
          "query %s and document %s were graded %d before, now %d; keep one"
              .formatted(Lines.quoted(query), Lines.quoted(document), before, grade));
    }
  }

  private static int grade(String value, Lines lines) {
    try {
      return Integer.parseInt(value.trim());
    } catch (NumberFormatException e) {
      throw lines.bad("the grade " + Lines.quoted(value) + " is not a whole number; " + WANTED);
    }
  }
}
