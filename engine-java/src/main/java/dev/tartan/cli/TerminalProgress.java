package dev.tartan.cli;

import dev.tartan.memory.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Progress on stderr: a live bar with rate and time left on a terminal, else a line a stage and one
 * every ten seconds.
 */
final class TerminalProgress implements Progress {
  private static final long LINE_NANOS = Duration.ofSeconds(10).toNanos();

  private final PrintWriter out;

  /** Whether stderr is a terminal: only the launcher can tell, Java knows of stdin and stdout. */
  private final boolean terminal = Boolean.getBoolean("tartan.terminal");

  private @Nullable ProgressBar bar;
  private String name = "";
  private String unit = "";
  private String detail = "";
  private long total;
  private long done;
  private long start;
  private long lastLine;

  TerminalProgress(PrintWriter out) {
    this.out = out;
  }

  @Override
  public void stage(String stageName, String stageUnit, long stageTotal) {
    finishStage();
    name = stageName;
    unit = stageUnit;
    total = stageTotal;
    done = 0;
    detail = "";
    start = System.nanoTime();
    lastLine = start;
    if (terminal && total > 0) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(name)
              .setInitialMax(total)
              .setUnit(" " + unit, 1)
              .showSpeed()
              .setStyle(ProgressBarStyle.ASCII)
              .setConsumer(new ConsoleProgressBarConsumer(System.err))
              .setUpdateIntervalMillis(200)
              .build();
    }
  }

  @Override
  public void advance(long units) {
    done += units;
    if (bar != null) {
      bar.stepBy(units);
    } else if (System.nanoTime() - lastLine > LINE_NANOS) {
      lastLine = System.nanoTime();
      out.println(line(false));
    }
  }

  @Override
  public void detail(String text) {
    detail = text;
    if (bar != null) {
      bar.setExtraMessage(" " + text);
    }
  }

  @Override
  public void done() {
    finishStage();
    name = "";
  }

  private void finishStage() {
    if (bar != null) {
      bar.stepTo(total);
      bar.close();
      bar = null;
    } else if (!name.isEmpty()) {
      out.println(line(true));
    }
  }

  private String line(boolean finished) {
    double seconds = (System.nanoTime() - start) * 1e-9;
    if (total <= 0) {
      return "%s: %s".formatted(name, time(seconds));
    }
    double rate = done / Math.max(seconds, 1e-9);
    String speed = String.format(Locale.ROOT, rate < 10 ? "%.1f %s/s" : "%,.0f %s/s", rate, unit);
    String more = detail.isEmpty() ? "" : ", " + detail;
    if (finished) {
      return String.format(
          Locale.ROOT, "%s: %,d %s in %s (%s)%s", name, done, unit, time(seconds), speed, more);
    }
    String left = done == 0 ? "?" : time((total - done) / rate);
    return String.format(
        Locale.ROOT,
        "%s: %,d of %,d %s, %s, %s left%s",
        name,
        done,
        total,
        unit,
        speed,
        left,
        more);
  }

  static String time(double seconds) {
    if (seconds < 60) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    return whole < 3600
        ? "%d min %02d s".formatted(whole / 60, whole % 60)
        : "%d h %02d min".formatted(whole / 3600, whole / 60 % 60);
  }
}
