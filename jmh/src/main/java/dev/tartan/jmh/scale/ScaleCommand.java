package dev.tartan.jmh.scale;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ./tartan bench scale}: how time, bytes and recall grow with the number of passages. */
@Command(
    name = "./tartan bench scale",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Indexes generated passages at several sizes, searches each index, and prints a table with the",
      "exponent of each measure's growth: least squares of logarithms. Nothing but the index is",
      "written to disk, some 40 bytes a token at 2 bits.",
    })
@SuppressWarnings("NullAway.Init") // picocli sets the fields
public final class ScaleCommand implements Callable<Integer> {
  @Mixin Generated generated;

  @Option(
      names = "--sizes",
      split = ",",
      description = "Passages (default: ${DEFAULT-VALUE}).",
      defaultValue = "10000,30000,100000")
  List<Integer> sizes;

  @Mixin ScaleOptions options;

  @Option(
      names = "--work",
      required = true,
      description = "A folder for the indexes, each of which is deleted after it was measured.")
  Path work;

  @Option(names = "--keep", description = "Keep the indexes.")
  boolean keep;

  @Option(names = "--json", description = "A file to append a line of JSON to for each size.")
  @Nullable Path json;

  private ScaleCommand() {}

  public static void main(String[] args) {
    System.exit(Commands.run(new ScaleCommand(), args));
  }

  @Override
  public Integer call() throws IOException {
    Files.createDirectories(work);
    List<Map<String, Double>> measured = new ArrayList<>();
    for (int size : sizes) {
      Map<String, Double> measures = measure(size);
      measured.add(measures);
      if (json != null) {
        Map<String, Object> line = new LinkedHashMap<>(measures);
        line.put("options", options.describe());
        Files.writeString(
            json,
            new JsonMapper().writeValueAsString(line) + "\n",
            StandardOpenOption.CREATE,
            StandardOpenOption.APPEND);
      }
    }
    print(measured);
    return 0;
  }

  private Map<String, Double> measure(int size) throws IOException {
    Path index = work.resolve("scale-" + size);
    GeneratedCorpus corpus = generated.corpus(size);
    try (Backend builders = Commands.backend(options.threads);
        Backend single = Commands.backend(1);
        Arena arena = Arena.ofShared()) {
      System.err.printf(
          Locale.ROOT, "%,d passages, %,d tokens%n", corpus.passages(), corpus.tokens());
      ScaleRun run = new ScaleRun(index, options);
      run.build(corpus, builders);
      List<Matrix> queries =
          new GeneratedQueries(corpus).draw(options.queries, options.queryRows, arena);
      run.search(queries, single, builders);
      return run.measures();
    } finally {
      if (!keep && Files.exists(index)) {
        Commands.delete(index);
      }
    }
  }

  private static void print(List<Map<String, Double>> measured) {
    StringBuilder heading = new StringBuilder("| |");
    StringBuilder rule = new StringBuilder("|---|");
    for (Map<String, Double> measures : measured) {
      heading.append(
          String.format(Locale.ROOT, " %,.0f |", Objects.requireNonNull(measures.get("passages"))));
      rule.append("---|");
    }
    System.out.println(heading + " exponent |");
    System.out.println(rule + "---|");
    for (String name : measured.getFirst().keySet()) {
      StringBuilder row = new StringBuilder("| " + name + " |");
      for (Map<String, Double> measures : measured) {
        row.append(String.format(Locale.ROOT, " %.4g |", measures.get(name)));
      }
      double exponent = exponent(measured, name);
      System.out.println(
          row + (Double.isNaN(exponent) ? " |" : String.format(Locale.ROOT, " %.2f |", exponent)));
    }
  }

  /** The slope of log(measure) over log(passages); NaN if there are not two points to fit. */
  static double exponent(List<Map<String, Double>> measured, String name) {
    int n = measured.size();
    double[] x = new double[n];
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = Math.log(Objects.requireNonNull(measured.get(i).get("passages")));
      y[i] = Math.log(Objects.requireNonNull(measured.get(i).get(name)));
    }
    double meanX = Arrays.stream(x).average().orElse(0);
    double meanY = Arrays.stream(y).average().orElse(0);
    double across = 0;
    double along = 0;
    for (int i = 0; i < n; i++) {
      across += (x[i] - meanX) * (y[i] - meanY);
      along += (x[i] - meanX) * (x[i] - meanX);
    }
    return Double.isFinite(across) ? across / along : Double.NaN;
  }
}
