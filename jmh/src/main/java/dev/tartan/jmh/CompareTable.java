package dev.tartan.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.collection.Measure;
import dev.tartan.collection.Metrics;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Judges the measurements of all engines by the same rule: adds to each line the percentiles of its
 * latency, recall of the exact best passages by float MaxSim and of what the engine's own index
 * ranks best when all of it is scored, and, where there are judgements, nDCG@10. Writes them as
 * JSON lines and prints {@link CompareReport}.
 *
 * <p>A line that says it is {@code exact} comes from an engine that ranks by float MaxSim too. It
 * proves that hits and truth are of the same queries and passages: the table is refused if they do
 * not agree.
 *
 * <pre>
 * ./tartan bench table INPUT RESULTS RAW...
 * </pre>
 */
public final class CompareTable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int[] DEPTHS = {10, 100, 1000};
  private static final double EXACT_RECALL = 0.99; // the sums of two engines differ in their order

  private final CompareInput input;
  private final int[][] exact;
  private final Map<String, Map<String, Integer>> grades = new LinkedHashMap<>();
  private List<String> queryIds = List.of();
  private List<String> passageIds = List.of();

  private CompareTable(Path folder) throws IOException {
    this.input = new CompareInput(folder);
    this.exact = input.exact();
    Qrels qrels = input.qrels();
    if (qrels != null) {
      queryIds = input.queryIds();
      passageIds = input.passageIds();
      queryIds.forEach(id -> grades.put(id, qrels.judgements(id)));
    }
  }

  public static void main(String[] args) throws IOException {
    if (args.length < 3) {
      System.err.println("usage: ./tartan bench table INPUT RESULTS RAW...");
      System.exit(2);
    }
    CompareTable table = new CompareTable(Path.of(args[0]));
    List<ObjectNode> results = new ArrayList<>();
    for (String raw : Arrays.asList(args).subList(2, args.length)) {
      for (String line : Files.readAllLines(Path.of(raw))) {
        results.add(table.judge((ObjectNode) JSON.readTree(line), Path.of(raw)));
      }
    }
    Files.write(Path.of(args[1]), results.stream().map(ObjectNode::toString).toList());
    System.out.print(new CompareReport(results).markdown());
  }

  private ObjectNode judge(ObjectNode line, Path raw) throws IOException {
    int[][] hits = CompareInput.passages(raw.resolveSibling(line.remove("hits").asText()));
    double[] millis = JSON.convertValue(line.remove("millis"), double[].class);
    int[] searched = searched(line, hits.length, millis.length);
    Arrays.sort(millis);
    line.put("corpus", corpus(input.folder())).put("machine", machine());
    line.put("queries", millis.length);
    line.put("queries_a_second", 1e3 * millis.length / Arrays.stream(millis).sum());
    JsonNode batch = line.remove("batch_seconds");
    if (batch != null) {
      line.put("batch_queries_a_second", millis.length / batch.asDouble());
    }
    for (int percent : new int[] {50, 95, 99}) {
      line.put("p" + percent, millis[Math.min(millis.length - 1, millis.length * percent / 100)]);
    }
    int[][] own = ownRanking(line, raw);
    for (int depth : DEPTHS) {
      if (depth <= line.get("k").asInt()) {
        line.put("recall@" + depth, recall(hits, searched, exact, depth));
        if (own != null) {
          line.put("own_recall@" + depth, recall(hits, searched, own, depth));
        }
      }
    }
    expectExact(line);
    if (!grades.isEmpty() && hits.length == queryIds.size()) {
      Metrics metrics = Metrics.of(Qrels.of(grades), run(hits));
      line.put("nDCG@10", metrics.mean(Measure.NDCG_AT_10));
    }
    return line;
  }

  /** The numbers of the queries whose hits these are. */
  private int[] searched(ObjectNode line, int hits, int millis) {
    JsonNode numbers = line.remove("searched");
    if (numbers == null) {
      throw new TartanException(
          label(line) + ": the line does not say which queries were searched; measure it again");
    }
    int[] searched = JSON.convertValue(numbers, int[].class);
    if (searched.length != hits || searched.length != millis) {
      throw new TartanException(
          "%s: %d queries, but hits of %d and times of %d"
              .formatted(label(line), searched.length, hits, millis));
    }
    return searched;
  }

  private static void expectExact(ObjectNode line) {
    if (line.remove("exact") == null) {
      return;
    }
    for (int depth : DEPTHS) {
      double recall = line.path("recall@" + depth).asDouble(1);
      if (recall < EXACT_RECALL) {
        throw new TartanException(
            "%s: ranks by float MaxSim, yet has recall@%d %.3f: hits and exact.npy are not of the same queries and passages"
                .formatted(label(line), depth, recall));
      }
    }
  }

  private static String label(ObjectNode line) {
    return line.path("engine").asText() + ", " + line.path("settings").asText();
  }

  /** What the engine ranks best when it scores all passages; null where its driver cannot ask. */
  private static int @Nullable [][] ownRanking(ObjectNode line, Path raw) {
    String name =
        "%s-%s.exhaustive.npy"
            .formatted(line.get("engine").asText(), line.path("nbits").asText("none"));
    Path file = raw.toAbsolutePath().resolveSibling("..").resolve(name);
    return Files.exists(file) ? CompareInput.passages(file) : null;
  }

  /** The share of the best that was found; the mean over the queries that both have. */
  private double recall(int[][] hits, int[] searched, int[][] ranking, int depth) {
    int[] rankingOf = new int[exact.length];
    Arrays.fill(rankingOf, -1);
    int[] ranked = CompareInput.chosen(exact.length, ranking.length);
    for (int i = 0; i < ranked.length; i++) {
      rankingOf[ranked[i]] = i;
    }
    double sum = 0;
    int queries = 0;
    for (int i = 0; i < hits.length; i++) {
      int row = rankingOf[searched[i]];
      if (row < 0) {
        continue;
      }
      Set<Integer> best = new HashSet<>();
      Arrays.stream(ranking[row]).limit(depth).filter(p -> p >= 0).forEach(best::add);
      long found = Arrays.stream(hits[i]).limit(depth).distinct().filter(best::contains).count();
      sum += (double) found / best.size();
      queries++;
    }
    return sum / queries;
  }

  private Run run(int[][] hits) {
    Map<String, List<Ranked>> rankings = new LinkedHashMap<>();
    for (int q = 0; q < hits.length; q++) {
      List<Ranked> ranking = new ArrayList<>();
      for (int passage : hits[q]) {
        if (passage >= 0) {
          ranking.add(new Ranked(passageIds.get(passage), -ranking.size()));
        }
      }
      rankings.put(queryIds.get(q), ranking);
    }
    return Run.of(rankings);
  }

  /** The name of the input folder, without the "in-" that may stand before it. */
  private static String corpus(Path folder) {
    return folder.toAbsolutePath().normalize().getFileName().toString().replaceFirst("^in-", "");
  }

  private static String machine() throws IOException {
    Set<String> models = new LinkedHashSet<>();
    for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
      if (line.startsWith("model name")) {
        models.add(line.substring(line.indexOf(':') + 2));
      }
    }
    return Runtime.getRuntime().availableProcessors() + " x " + String.join(", ", models);
  }
}
