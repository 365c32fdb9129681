package dev.tartan.train;

import dev.tartan.memory.TartanException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The curve of a run, a CSV file with a line a step. Without times: one seed gives one file. */
final class TrainingLog implements AutoCloseable {
  private static final String HEADER = "step,loss,gradient_norm,learning_rate,ndcg_at_10";

  /**
   * One line.
   *
   * @param step steps done; 0 for the model before the first
   * @param loss of the step; NaN at step 0
   * @param norm of the gradients before clipping; NaN at step 0
   * @param rate the learning rate; NaN at step 0
   * @param metric on the development queries after the step; null where it was not measured
   */
  record Row(int step, double loss, double norm, double rate, @Nullable Double metric) {
    String line() {
      return "%d,%s,%s,%s,%s"
          .formatted(step, cell(loss), cell(norm), cell(rate), metric == null ? "" : metric);
    }

    private static String cell(double value) {
      return Double.isNaN(value) ? "" : Double.toString(value);
    }

    static Row parse(String line) {
      String[] cells = line.split(",", -1);
      return new Row(
          Integer.parseInt(cells[0]),
          number(cells[1]),
          number(cells[2]),
          number(cells[3]),
          cells[4].isEmpty() ? null : Double.valueOf(cells[4]));
    }

    private static double number(String cell) {
      return cell.isEmpty() ? Double.NaN : Double.parseDouble(cell);
    }
  }

  private final Path file;
  private final BufferedWriter out;
  private final List<Row> rows = new ArrayList<>();

  /**
   * Starts or continues {@code file}.
   *
   * @param steps the lines of steps beyond are dropped; -1 for all lines
   */
  TrainingLog(Path file, int steps) {
    this.file = file;
    try {
      if (steps >= 0 && Files.exists(file)) {
        Files.readAllLines(file).stream()
            .skip(1)
            .filter(line -> line.matches("\\d+,[^,]*,[^,]*,[^,]*,[^,]*"))
            .map(Row::parse)
            .filter(row -> row.step <= steps)
            .forEach(rows::add);
      }
      this.out = Files.newBufferedWriter(file);
      write(HEADER);
      for (Row row : rows) {
        write(row.line());
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    } catch (NumberFormatException e) {
      throw new TartanException(file + " is damaged; remove it and resume again", e);
    }
  }

  void add(Row row) {
    rows.add(row);
    write(row.line());
  }

  /** All lines so far. */
  List<Row> rows() {
    return Collections.unmodifiableList(rows);
  }

  private void write(String line) {
    try {
      out.write(line);
      out.newLine();
      out.flush();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + file, e);
    }
  }
}
