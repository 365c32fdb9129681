package dev.tartan.train;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** Draws a {@link TrainingLog}: the loss on the left scale, nDCG@10 on the right. */
final class LearningCurve {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 380;
  private static final int MARGIN = 60;

  /** Losses are noisy: their mean over so many steps is drawn as well. */
  private static final int SMOOTH = 20;

  private record Point(double x, double y) {}

  private final StringBuilder svg = new StringBuilder();
  private final double lastStep;

  private LearningCurve(double lastStep) {
    this.lastStep = Math.max(1, lastStep);
  }

  /** Creates or replaces {@code file} with the curve of {@code rows}. */
  static void draw(List<TrainingLog.Row> rows, Path file) {
    if (rows.isEmpty()) {
      return;
    }
    try {
      Files.writeString(file, new LearningCurve(rows.getLast().step()).svg(rows));
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }

  private String svg(List<TrainingLog.Row> rows) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' ",
            WIDTH,
            HEIGHT));
    svg.append(String.format(Locale.ROOT, "font-family='sans-serif' font-size='12'>"));
    svg.append(
        String.format(Locale.ROOT, "<rect width='%d' height='%d' fill='white'/>", WIDTH, HEIGHT));
    List<Point> losses =
        rows.stream()
            .filter(row -> !Double.isNaN(row.loss()))
            .map(row -> new Point(row.step(), row.loss()))
            .toList();
    List<Point> metrics =
        rows.stream()
            .filter(row -> row.metric() != null)
            .map(row -> new Point(row.step(), Objects.requireNonNull(row.metric())))
            .toList();
    axis("loss", losses, MARGIN, "end", "#1f5fa8");
    line(losses, losses, "#1f5fa8", 0.3);
    line(smooth(losses), losses, "#1f5fa8", 1);
    if (!metrics.isEmpty()) {
      axis("nDCG@10", metrics, WIDTH - MARGIN, "start", "#b3541e");
      line(metrics, metrics, "#b3541e", 1);
    }
    svg.append(
        String.format(Locale.ROOT, "<text x='%d' y='%d'>0</text>", MARGIN, HEIGHT - MARGIN + 16));
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x='%d' y='%d' text-anchor='end'>%.0f steps</text>",
            WIDTH - MARGIN,
            HEIGHT - MARGIN + 16,
            lastStep));
    return svg.append("</svg>\n").toString();
  }

  private static List<Point> smooth(List<Point> points) {
    List<Point> means = new ArrayList<>();
    double sum = 0;
    for (int i = 0; i < points.size(); i++) {
      sum += points.get(i).y - (i < SMOOTH ? 0 : points.get(i - SMOOTH).y);
      means.add(new Point(points.get(i).x, sum / Math.min(i + 1, SMOOTH)));
    }
    return means;
  }

  private static double low(List<Point> scale) {
    return scale.stream().mapToDouble(Point::y).min().orElse(0);
  }

  private static double high(List<Point> scale) {
    double high = scale.stream().mapToDouble(Point::y).max().orElse(1);
    return high > low(scale) ? high : low(scale) + 1e-9;
  }

  private void axis(String name, List<Point> scale, int x, String anchor, String color) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line x1='%d' y1='%d' x2='%d' y2='%d' stroke='%s'/>",
            x,
            MARGIN,
            x,
            HEIGHT - MARGIN,
            color));
    int text = anchor.equals("end") ? x - 6 : x + 6;
    String form = "<text x='%d' y='%d' text-anchor='%s' fill='%s'>%s</text>";
    svg.append(String.format(Locale.ROOT, form, text, MARGIN - 16, anchor, color, name));
    svg.append(
        String.format(Locale.ROOT, form, text, MARGIN + 4, anchor, color, number(high(scale))));
    svg.append(
        String.format(Locale.ROOT, form, text, HEIGHT - MARGIN, anchor, color, number(low(scale))));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private void line(List<Point> points, List<Point> scale, String color, double opacity) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<polyline fill='none' stroke='%s' stroke-opacity='%.1f' points='",
            color,
            opacity));
    double low = low(scale);
    double span = high(scale) - low;
    for (Point point : points) {
      double x = MARGIN + point.x / lastStep * (WIDTH - 2 * MARGIN);
      double y = HEIGHT - MARGIN - (point.y - low) / span * (HEIGHT - 2 * MARGIN);
      svg.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
    }
    svg.append(String.format(Locale.ROOT, "'/>"));
  }
}
