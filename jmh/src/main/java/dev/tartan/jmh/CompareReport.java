package dev.tartan.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;

/** The judged measurements of {@link CompareTable} as Markdown. */
final class CompareReport {
  private static final String TARTAN = "tartan";
  private static final double[] LEVELS = {0.7, 0.8, 0.9, 0.95};

  private final List<ObjectNode> results;
  private final StringBuilder out = new StringBuilder();

  CompareReport(List<ObjectNode> results) {
    this.results = results;
  }

  String markdown() {
    builds();
    for (int k :
        new TreeSet<>(
            results.stream().filter(CompareReport::hasIndex).map(CompareReport::k).toList())) {
      for (int threads : new TreeSet<>(results.stream().map(CompareReport::threads).toList())) {
        List<ObjectNode> points =
            results.stream()
                .filter(r -> hasIndex(r) && k(r) == k && threads(r) == threads)
                .toList();
        if (!points.isEmpty()) {
          levels(points, k, threads);
          ratios(points, k);
        }
      }
    }
    everything();
    return out.toString();
  }

  private void builds() {
    out.append("### Builds\n\n");
    row(
        "engine",
        "version",
        "bits",
        "centroids",
        "sample",
        "threads",
        "s",
        "CPU s",
        "k-means s",
        "its CPU s",
        "tokens a second",
        "peak MB",
        "bytes a token");
    rule(13);
    Map<String, ObjectNode> first = new LinkedHashMap<>();
    results.stream().filter(CompareReport::hasIndex).forEach(r -> first.putIfAbsent(name(r), r));
    for (ObjectNode r : first.values()) {
      double tokens = r.get("tokens").asDouble();
      row(
          text(r, "engine"),
          text(r, "version"),
          text(r, "nbits"),
          text(r, "centroids"),
          text(r, "sample"),
          text(r, "build_threads"),
          number("%.0f", r, "build_seconds", 1),
          number("%.0f", r, "build_cpu_seconds", 1),
          number("%.0f", r, "kmeans_seconds", 1),
          number("%.0f", r, "kmeans_cpu_seconds", 1),
          "%.0f".formatted(tokens / r.get("build_seconds").asDouble()),
          number("%.0f", r, "build_peak_rss", 1e-6),
          number("%.1f", r, "index_bytes", 1 / tokens));
    }
  }

  /** The most queries a second of each engine at each level of recall. */
  private void levels(List<ObjectNode> points, int k, int threads) {
    out.append(
        "\n### k = %d, %d thread%s: queries a second at recall@%d of float MaxSim\n\n"
            .formatted(k, threads, threads == 1 ? "" : "s", k));
    List<String> heading = new ArrayList<>(List.of("engine, bits", "best recall"));
    for (double level : LEVELS) {
      heading.add(String.format(Locale.ROOT, "≥ %.2f", level));
    }
    row(heading.toArray(String[]::new));
    rule(heading.size());
    for (String name : points.stream().map(CompareReport::name).distinct().toList()) {
      List<ObjectNode> own = points.stream().filter(r -> name(r).equals(name)).toList();
      List<String> cells = new ArrayList<>(List.of(name));
      cells.add(format("%.3f", own.stream().mapToDouble(CompareReport::recall).max().orElse(0)));
      for (double level : LEVELS) {
        cells.add(fastest(own, level).map(r -> format("%.1f", rate(r))).orElse("-"));
      }
      row(cells.toArray(String[]::new));
    }
  }

  /** Each setting of another engine that no other engine's beats, and Tartan at no less recall. */
  private void ratios(List<ObjectNode> points, int k) {
    List<ObjectNode> others = points.stream().filter(r -> !isTartan(r)).toList();
    List<ObjectNode> ours = points.stream().filter(CompareReport::isTartan).toList();
    if (others.isEmpty() || ours.isEmpty()) {
      return;
    }
    out.append('\n');
    row(
        "best of the others",
        "its settings",
        "recall@" + k,
        "q/s",
        "tartan",
        "recall@" + k,
        "q/s",
        "ratio");
    rule(8);
    Predicate<ObjectNode> unbeaten =
        r -> others.stream().noneMatch(o -> o != r && recall(o) >= recall(r) && rate(o) > rate(r));
    others.stream()
        .filter(unbeaten)
        .sorted(Comparator.comparingDouble(CompareReport::recall))
        .forEach(r -> ratio(r, fastest(ours, recall(r))));
  }

  private void ratio(ObjectNode other, Optional<ObjectNode> ours) {
    row(
        name(other),
        text(other, "settings"),
        format("%.3f", recall(other)),
        format("%.1f", rate(other)),
        ours.map(r -> text(r, "nbits") + " bits, " + text(r, "settings")).orElse("not reached"),
        ours.map(r -> format("%.3f", recall(r))).orElse("-"),
        ours.map(r -> format("%.1f", rate(r))).orElse("-"),
        ours.map(r -> format("%.1f", rate(r) / rate(other))).orElse("-"));
  }

  private void everything() {
    out.append("\n### All settings\n\n");
    row(
        "engine, bits",
        "settings",
        "k",
        "threads",
        "q/s",
        "batched",
        "p50 ms",
        "p95",
        "p99",
        "CPU ms",
        "recall@10",
        "@100",
        "@1000",
        "of its own @10",
        "@100",
        "@1000",
        "nDCG@10");
    rule(17);
    for (ObjectNode r : results) {
      row(
          name(r),
          text(r, "settings"),
          text(r, "k"),
          text(r, "threads"),
          number("%.1f", r, "queries_a_second", 1),
          number("%.1f", r, "batch_queries_a_second", 1),
          number("%.2f", r, "p50", 1),
          number("%.2f", r, "p95", 1),
          number("%.2f", r, "p99", 1),
          number("%.2f", r, "cpu_millis", 1),
          number("%.3f", r, "recall@10", 1),
          number("%.3f", r, "recall@100", 1),
          number("%.3f", r, "recall@1000", 1),
          number("%.3f", r, "own_recall@10", 1),
          number("%.3f", r, "own_recall@100", 1),
          number("%.3f", r, "own_recall@1000", 1),
          number("%.4f", r, "nDCG@10", 1));
    }
  }

  private static Optional<ObjectNode> fastest(List<ObjectNode> points, double recall) {
    return points.stream()
        .filter(r -> recall(r) >= recall)
        .max(Comparator.comparingDouble(CompareReport::rate));
  }

  private static boolean hasIndex(ObjectNode r) {
    return r.has("nbits");
  }

  private static boolean isTartan(ObjectNode r) {
    return text(r, "engine").equals(TARTAN);
  }

  private static int k(ObjectNode r) {
    return r.get("k").asInt();
  }

  private static int threads(ObjectNode r) {
    return r.get("threads").asInt();
  }

  private static double recall(ObjectNode r) {
    return r.get("recall@" + k(r)).asDouble();
  }

  /** Queries a second one at a time or all at once, whichever way the engine does more. */
  private static double rate(ObjectNode r) {
    double single = r.get("queries_a_second").asDouble();
    return Math.max(single, r.path("batch_queries_a_second").asDouble(single));
  }

  private static String name(ObjectNode r) {
    return text(r, "engine") + " " + (hasIndex(r) ? text(r, "nbits") : "float32");
  }

  private static String text(ObjectNode r, String field) {
    return r.path(field).asText("-");
  }

  private static String number(String format, ObjectNode r, String field, double factor) {
    JsonNode value = r.path(field);
    return value.isNumber() ? format(format, value.asDouble() * factor) : "-";
  }

  private static String format(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private void row(String... cells) {
    out.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private void rule(int columns) {
    out.append("|").append("---|".repeat(columns)).append('\n');
  }
}
