package dev.tartan.jmh;

import com.sun.management.OperatingSystemMXBean;
import dev.tartan.collection.Collection;
import dev.tartan.collection.DocumentReader;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.ModelParts;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How fast are texts encoded, beside the same model in other runtimes? Those are measured by {@code
 * jmh/peers/encode.py}, which takes the same arguments.
 *
 * <pre>
 * ./tartan bench encode export FOLDER                              writes tartan-mini as a folder
 * ./tartan bench encode passages MODEL COLLECTION N THREADS PASSES [OUT.npy]
 * ./tartan bench encode queries  MODEL QUERIES    N THREADS PASSES [OUT.npy]
 * </pre>
 *
 * Passages are timed together, best of the passes; queries one by one on the calling thread, the
 * best of each.
 */
public final class CompareEncoders {
  private final Encoder encoder;
  private final int passes;

  private CompareEncoders(Encoder encoder, int passes) {
    this.encoder = encoder;
    this.passes = passes;
  }

  public static void main(String[] args) {
    if (args.length == 2 && args[0].equals("export")) {
      try (Arena arena = Arena.ofShared();
          ModelParts parts = Encoders.parts(Encoders.TARTAN_MINI, arena)) {
        parts.write(Path.of(args[1]));
      }
      return;
    }
    if (args.length < 6 || !List.of("passages", "queries").contains(args[0])) {
      System.err.println("encode export FOLDER | passages|queries MODEL FILE N THREADS PASSES");
      System.exit(2);
    }
    int threads = Integer.parseInt(args[4]);
    int n = Integer.parseInt(args[3]);
    Path file = Path.of(args[2]);
    try (Encoder encoder = Encoders.open(args[1], threads);
        Arena arena = Arena.ofShared()) {
      CompareEncoders compare = new CompareEncoders(encoder, Integer.parseInt(args[5]));
      List<Matrix> rows =
          args[0].equals("passages")
              ? List.of(compare.passages(texts(file, n), threads, arena))
              : compare.queries(Queries.read(file).stream().limit(n).toList(), arena);
      if (args.length > 6) {
        try (NpyWriter writer = new NpyWriter(Path.of(args[6]), DType.F32, encoder.dim())) {
          rows.forEach(writer::writeRows);
        }
      }
    }
  }

  private static List<String> texts(Path collection, int n) {
    List<String> texts = new ArrayList<>();
    try (DocumentReader documents = new Collection(collection).open()) {
      while (documents.hasNext() && texts.size() < n) {
        texts.add(documents.next().passage());
      }
    }
    return texts;
  }

  private Matrix passages(List<String> texts, int threads, Arena arena) {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    double best = Double.MAX_VALUE;
    double bestCpu = Double.MAX_VALUE;
    Matrix rows = null;
    for (int pass = 0; pass < passes; pass++) {
      long cpu = system.getProcessCpuTime();
      long start = System.nanoTime();
      rows = encoder.encodePassages(texts, arena).rows();
      best = Math.min(best, (System.nanoTime() - start) * 1e-9);
      bestCpu = Math.min(bestCpu, (system.getProcessCpuTime() - cpu) * 1e-9);
    }
    System.out.printf(
        Locale.ROOT,
        "tartan: %d passages, %d rows, %d threads: %.0f rows a second, %.0f a CPU second%n",
        texts.size(),
        rows.rows(),
        threads,
        rows.rows() / best,
        rows.rows() / bestCpu);
    return rows;
  }

  private List<Matrix> queries(List<Query> queries, Arena arena) {
    double[] millis = new double[queries.size()];
    Arrays.fill(millis, Double.MAX_VALUE);
    List<Matrix> rows = List.of();
    for (int pass = 0; pass < passes; pass++) {
      rows = new ArrayList<>();
      for (int q = 0; q < millis.length; q++) {
        long start = System.nanoTime();
        rows.add(encoder.encodeQuery(queries.get(q).text(), arena));
        millis[q] = Math.min(millis[q], (System.nanoTime() - start) * 1e-6);
      }
    }
    Arrays.sort(millis);
    System.out.printf(
        Locale.ROOT,
        "tartan: %d queries, %.1f rows each: p50 %.2f ms, p95 %.2f ms%n",
        millis.length,
        rows.stream().mapToLong(Matrix::rows).average().orElse(0),
        millis[millis.length / 2],
        millis[millis.length * 95 / 100]);
    return rows;
  }
}
