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
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Judges the measurements of all engines by the same rule: adds to each line the percentiles of its
 * latency, recall of the exact best passages and, where there are judgements, nDCG@10. Writes them
 * as JSON lines and prints the table.
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
    print(results);
  }

  private ObjectNode judge(ObjectNode line, Path raw) throws IOException {
    int[][] hits = CompareInput.passages(raw.resolveSibling(line.remove("hits").asText()));
    double[] millis = JSON.convertValue(line.remove("millis"), double[].class);
    Arrays.sort(millis);
    line.put("corpus", input.folder().getFileName().toString()).put("machine", machine());
    line.put("queries", millis.length);
    line.put("queries_a_second", 1e3 * millis.length / Arrays.stream(millis).sum());
    JsonNode batch = line.remove("batch_seconds");
    if (batch != null) {
      line.put("batch_queries_a_second", millis.length / batch.asDouble());
    }
    for (int percent : new int[] {50, 95, 99}) {
      line.put("p" + percent, millis[Math.min(millis.length - 1, millis.length * percent / 100)]);
    }
    for (int depth : DEPTHS) {
      if (depth <= line.get("k").asInt()) {
        line.put("recall@" + depth, recall(hits, depth));
      }
    }
    if (!grades.isEmpty() && hits.length == queryIds.size()) {
      Metrics metrics = Metrics.of(Qrels.of(grades), run(hits));
      line.put("nDCG@10", metrics.mean(Measure.NDCG_AT_10));
    }
    return line;
  }

  /** The share of the exact best that was found; the mean over the queries that were searched. */
  private double recall(int[][] hits, int depth) {
    double sum = 0;
    for (int q = 0; q < hits.length; q++) {
      Set<Integer> best = new HashSet<>();
      Arrays.stream(exact[q]).limit(depth).forEach(best::add);
      long found = Arrays.stream(hits[q]).limit(depth).distinct().filter(best::contains).count();
      sum += (double) found / best.size();
    }
    return sum / hits.length;
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

  private static String machine() throws IOException {
    Set<String> models = new LinkedHashSet<>();
    for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
      if (line.startsWith("model name")) {
        models.add(line.substring(line.indexOf(':') + 2));
      }
    }
    return Runtime.getRuntime().availableProcessors() + " x " + String.join(", ", models);
  }

  private static void print(List<ObjectNode> results) {
    System.out.printf(
        "%-11s %4s %7s %8s %8s %8s %7s %7s  %5s %7s %8s %8s %8s %8s %8s %8s  %5s %5s %5s %6s  %s%n",
        "engine",
        "bits",
        "build s",
        "of CPU s",
        "k-means",
        "tokens/s",
        "peak MB",
        "B/token",
        "k",
        "threads",
        "q/s",
        "batched",
        "p50 ms",
        "p95",
        "p99",
        "CPU ms",
        "R@10",
        "@100",
        "@1000",
        "nDCG",
        "settings");
    for (ObjectNode r : results) {
      double tokens = r.get("tokens").asDouble();
      System.out.printf(
          "%-11s %4s %7s %8s %8s %8s %7s %7s  %5s %7s %8s %8s %8s %8s %8s %8s  %5s %5s %5s %6s  %s%n",
          r.get("engine").asText(),
          r.path("nbits").asText("-"),
          number("%.0f", r.path("build_seconds"), 1),
          number("%.0f", r.path("build_cpu_seconds"), 1),
          number("%.0f", r.path("kmeans_seconds"), 1),
          r.has("build_seconds")
              ? "%.0f".formatted(tokens / r.get("build_seconds").asDouble())
              : "-",
          number("%.0f", r.path("build_peak_rss"), 1e-6),
          number("%.1f", r.path("index_bytes"), 1 / tokens),
          r.get("k").asText(),
          r.get("threads").asText(),
          number("%.1f", r.path("queries_a_second"), 1),
          number("%.1f", r.path("batch_queries_a_second"), 1),
          number("%.2f", r.path("p50"), 1),
          number("%.2f", r.path("p95"), 1),
          number("%.2f", r.path("p99"), 1),
          number("%.2f", r.path("cpu_millis"), 1),
          number("%.3f", r.path("recall@10"), 1),
          number("%.3f", r.path("recall@100"), 1),
          number("%.3f", r.path("recall@1000"), 1),
          number("%.4f", r.path("nDCG@10"), 1),
          r.get("settings").asText());
    }
  }

  private static String number(String format, JsonNode value, double factor) {
    return value.isNumber() ? String.format(Locale.ROOT, format, value.asDouble() * factor) : "-";
  }
}
