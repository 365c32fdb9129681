package dev.tartan.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Draws recall@K of float MaxSim against median latency of all engines as an SVG: a line through
 * the best settings of each, a dot for every setting that was tried. One panel for each corpus.
 *
 * <pre>
 * ./tartan bench plot OUT.svg K THREADS RESULTS...
 * </pre>
 */
public final class ComparePlot {
  /** Of each engine the same in every picture; its 4 bits are dashed, float is dotted. */
  private static final Map<String, String> COLOURS =
      Map.of(
          "tartan", "#c0392b",
          "next-plaid", "#1f618d",
          "fast-plaid", "#1e8449",
          "colbert-ai", "#b9770e",
          "maxsim-cpu", "#6c3483");

  private static final int WIDTH = 560;
  private static final int HEIGHT = 400;
  private static final int LEFT = 70;
  private static final int TOP = 50;
  private static final int GAP = 100;
  private static final int LEGEND = 24;

  private final StringBuilder svg = new StringBuilder();
  private final List<String> engines;
  private final int k;
  private final int threads;
  private final double fastest;
  private final double slowest;
  private final double lowest;

  /** One setting of one engine. */
  private record Point(String corpus, String engine, double millis, double recall) {}

  private ComparePlot(List<Point> points, int k, int threads) {
    this.k = k;
    this.threads = threads;
    fastest = points.stream().mapToDouble(Point::millis).min().orElse(1) / 1.2;
    slowest = points.stream().mapToDouble(Point::millis).max().orElse(1) * 1.2;
    double least = points.stream().mapToDouble(Point::recall).min().orElse(0);
    lowest = Math.min(0.9, Math.floor(least * 10) / 10);
    engines = points.stream().map(Point::engine).sorted().distinct().toList();
  }

  public static void main(String[] args) throws IOException {
    if (args.length < 4) {
      System.err.println("usage: ./tartan bench plot OUT.svg K THREADS RESULTS...");
      System.exit(2);
    }
    int k = Integer.parseInt(args[1]);
    int threads = Integer.parseInt(args[2]);
    List<Point> points = new ArrayList<>();
    for (String file : Arrays.asList(args).subList(3, args.length)) {
      points.addAll(read(Path.of(file), k, threads));
    }
    if (points.isEmpty()) {
      System.err.printf("no result has k %d and %d threads%n", k, threads);
      System.exit(1);
    }
    Files.writeString(Path.of(args[0]), new ComparePlot(points, k, threads).draw(points));
  }

  /** What searched for k, and what ignores k: exhaustive scoring of float embeddings. */
  private static List<Point> read(Path file, int k, int threads) throws IOException {
    List<Point> points = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode r = new JsonMapper().readTree(line);
      boolean exhaustive = !r.has("nbits") && r.get("settings").asText().equals("exhaustive");
      boolean asked = r.get("k").asInt() == k && r.has("nbits");
      if (r.get("threads").asInt() == threads && (asked || exhaustive)) {
        String bits = r.has("nbits") ? " " + r.get("nbits").asInt() + " bits" : " float32";
        points.add(
            new Point(
                r.get("corpus").asText(),
                r.get("engine").asText() + bits,
                r.get("p50").asDouble(),
                r.get("recall@" + k).asDouble()));
      }
    }
    return points;
  }

  private static String stroke(String engine) {
    String dash =
        switch (engine.substring(engine.indexOf(' ') + 1)) {
          case "4 bits" -> "7 4";
          case "float32" -> "2 4";
          default -> "none";
        };
    return "fill=\"none\" stroke=\"%s\" stroke-dasharray=\"%s\" stroke-width=\"%s\""
        .formatted(colour(engine), dash, engine.startsWith("tartan") ? "3.5" : "2");
  }

  private static String colour(String engine) {
    return COLOURS.getOrDefault(engine.substring(0, engine.indexOf(' ')), "#777");
  }

  private String draw(List<Point> points) {
    List<String> corpora = points.stream().map(Point::corpus).distinct().toList();
    int width = LEFT + corpora.size() * (WIDTH + GAP) - GAP + 30;
    int legendRows = Math.ceilDiv(engines.size(), 2 * corpora.size());
    int height = TOP + HEIGHT + 70 + LEGEND * legendRows;
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="14">
        <rect width="100%%" height="100%%" fill="white"/>
        """
            .formatted(width, height));
    for (int c = 0; c < corpora.size(); c++) {
      String corpus = corpora.get(c);
      svg.append("<g transform=\"translate(%d %d)\">\n".formatted(LEFT + c * (WIDTH + GAP), TOP));
      axes(corpus);
      engines.forEach(engine -> curve(points, corpus, engine));
      svg.append("</g>\n");
    }
    for (int i = 0; i < engines.size(); i++) {
      int x = LEFT + i % (2 * corpora.size()) * (WIDTH + GAP) / 2;
      int y = TOP + HEIGHT + 75 + LEGEND * (i / (2 * corpora.size()));
      svg.append("<path d=\"M%d %d h40\" %s/>".formatted(x, y - 5, stroke(engines.get(i))));
      text(x + 50, y, "start", engines.get(i));
    }
    return svg.append("</svg>\n").toString();
  }

  private void axes(String corpus) {
    text(
        WIDTH / 2,
        -18,
        "middle",
        "%s, %d thread%s, one query at a time".formatted(corpus, threads, threads == 1 ? "" : "s"));
    for (double decade = 1e-3; decade < slowest; decade *= 10) {
      for (int digit = 1; digit < 10; digit++) {
        double millis = digit * decade;
        if (millis < fastest || millis > slowest) {
          continue;
        }
        line(x(millis), 0, x(millis), HEIGHT, digit == 1 ? "#bbb" : "#eee");
        if (digit == 1 || digit == 2 || digit == 5) {
          text(x(millis), HEIGHT + 20, "middle", number(millis));
        }
      }
    }
    int steps = (int) Math.round((1 - lowest) * 20);
    for (int i = 0; i <= steps; i++) {
      double recall = 1 - i / 20.0;
      line(0, y(recall), WIDTH, y(recall), "#ddd");
      text(-8, y(recall) + 5, "end", String.format(Locale.ROOT, "%.2f", recall));
    }
    text(WIDTH / 2.0, HEIGHT + 44, "middle", "median latency of a query, ms");
    svg.append(
        "<text transform=\"translate(-50 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n"
            .formatted(HEIGHT / 2, "recall@%d of float MaxSim".formatted(k)));
  }

  /** All points, and a line through those that no faster setting beats. */
  private void curve(List<Point> all, String corpus, String engine) {
    String colour = colour(engine);
    List<Point> points =
        all.stream()
            .filter(p -> p.corpus().equals(corpus) && p.engine().equals(engine))
            .sorted(Comparator.comparingDouble(Point::millis))
            .toList();
    StringBuilder path = new StringBuilder();
    double best = -1;
    for (Point p : points) {
      boolean better = p.recall() > best;
      if (better) {
        best = p.recall();
        path.append(path.isEmpty() ? "M" : " L").append(at(p));
      }
      String[] at = at(p).split(" ");
      svg.append(
          "<circle cx=\"%s\" cy=\"%s\" r=\"%s\" fill=\"%s\" opacity=\"%s\"/>\n"
              .formatted(at[0], at[1], better ? "4" : "2.5", colour, better ? "1" : "0.5"));
    }
    svg.append("<path d=\"%s\" %s/>\n".formatted(path, stroke(engine)));
  }

  private String at(Point p) {
    return String.format(Locale.ROOT, "%.1f %.1f", x(p.millis()), y(p.recall()));
  }

  private double x(double millis) {
    return WIDTH * Math.log(millis / fastest) / Math.log(slowest / fastest);
  }

  private double y(double recall) {
    return HEIGHT * (1 - recall) / (1 - lowest);
  }

  private void line(double x1, double y1, double x2, double y2, String colour) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
            x1,
            y1,
            x2,
            y2,
            colour));
  }

  private void text(double x, double y, String anchor, String text) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n",
            x,
            y,
            anchor,
            text));
  }

  private static String number(double millis) {
    return millis >= 1 ? "%.0f".formatted(millis) : Double.toString(Math.round(millis * 1e3) / 1e3);
  }
}
