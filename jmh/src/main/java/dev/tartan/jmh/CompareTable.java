package dev.tartan.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.collection.Measure;
import dev.tartan.collection.Metrics;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
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
 * <pre>
 * ./tartan bench table INPUT RESULTS RAW...
 * </pre>
 */
public final class CompareTable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int[] DEPTHS = {10, 100, 1000};

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
        line.put("recall@" + depth, recall(hits, exact, depth));
        if (own != null) {
          line.put("own_recall@" + depth, recall(hits, own, depth));
        }
      }
    }
    if (!grades.isEmpty() && hits.length == queryIds.size()) {
      Metrics metrics = Metrics.of(Qrels.of(grades), run(hits));
      line.put("nDCG@10", metrics.mean(Measure.NDCG_AT_10));
    }
    return line;
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
  private double recall(int[][] hits, int[][] ranking, int depth) {
    int[] rankingOf = new int[exact.length];
    Arrays.fill(rankingOf, -1);
    int[] ranked = CompareInput.chosen(exact.length, ranking.length);
    for (int i = 0; i < ranked.length; i++) {
      rankingOf[ranked[i]] = i;
    }
    int[] searched = CompareInput.chosen(exact.length, hits.length);
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
