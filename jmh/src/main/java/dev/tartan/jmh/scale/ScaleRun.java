package dev.tartan.jmh.scale;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.search.Calibration;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Builds one index, searches it, and notes what that took. */
final class ScaleRun {
  private static final int[] KS = {10, 100, 1000};
  private static final int WARM_UP = 30;
  private static final Set<Component> APART =
      EnumSet.of(Component.ID_OFFSETS, Component.IDS, Component.TEXT_OFFSETS, Component.TEXT);
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");

  private final Path index;
  private final ScaleOptions options;
  private final Map<String, Double> measures = new LinkedHashMap<>();

  ScaleRun(Path index, ScaleOptions options) {
    this.index = index;
    this.options = options;
  }

  /** What was measured, by name with its unit; "passages" is one of them. */
  Map<String, Double> measures() {
    return measures;
  }

  void build(GeneratedCorpus corpus, Backend backend) throws IOException {
    measures.put("passages", (double) corpus.passages());
    measures.put("tokens", (double) corpus.tokens());
    resetPeak();
    long start = System.nanoTime();
    StageTimes stages = new StageTimes();
    IndexOptions settings =
        new IndexOptions(
            corpus.dim(),
            ResidualCodec.Kind.TARTAN,
            options.nbits,
            options.centroids,
            false,
            null,
            null,
            null);
    try (IndexWriter writer = new IndexWriter(index, settings, backend, stages)) {
      writer.commit(corpus, null);
    }
    stages.done();
    stages.seconds().forEach((stage, seconds) -> measures.put(stage + ", s", seconds));
    measures.put("build, s", seconds(start));
    measures.put("build, tokens a second", corpus.tokens() / seconds(start));
    measures.put("build, peak resident MB", peak());
    if (!options.uncalibrated) {
      long calibration = System.nanoTime();
      Calibration.calibrate(index, List.of(), Calibration.KS, backend, Progress.NONE);
      measures.put("calibration, s", seconds(calibration));
    }
  }

  /** Times queries on {@code single}; {@code many} searches exhaustively. */
  void search(List<Matrix> queries, Backend single, Backend many) throws IOException {
    resetPeak();
    long start = System.nanoTime();
    try (Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, single)) {
      measures.put("open, ms", 1000 * seconds(start));
      sizes(snapshot);
      long first = System.nanoTime();
      searcher.search(queries.getFirst(), SearchOptions.top(10));
      measures.put("first query, ms", 1000 * seconds(first));
      for (int k : KS) {
        latency(searcher, queries, k);
      }
      measures.put("search, peak resident MB", peak());
      try (Searcher exhaustive = new Searcher(snapshot, many)) {
        recall(searcher, exhaustive, queries);
      }
    }
  }

  private void sizes(Snapshot snapshot) {
    long counted = 0;
    long apart = snapshot.codecBytes();
    for (Segment segment : snapshot.segments()) {
      for (Component component : Component.values()) {
        counted += APART.contains(component) ? 0 : segment.bytes(component);
        apart += APART.contains(component) ? segment.bytes(component) : 0;
      }
    }
    measures.put("centroids", (double) snapshot.codec().centroids().rows());
    measures.put("index, MB", (counted + apart) / 1e6);
    measures.put(
        "bytes a token without codec and ids", (double) counted / snapshot.manifest().tokens());
  }

  private void latency(Searcher searcher, List<Matrix> queries, int k) {
    SearchOptions top = SearchOptions.top(k);
    System.err.println("  k = " + k + ": " + searcher.settings(top));
    for (int i = 0; i < WARM_UP; i++) {
      searcher.search(queries.get(i % queries.size()), top);
    }
    double[] millis = new double[queries.size()];
    for (int q = 0; q < millis.length; q++) {
      long start = System.nanoTime();
      searcher.search(queries.get(q), top);
      millis[q] = 1000 * seconds(start);
    }
    Arrays.sort(millis);
    measures.put("k = %d, p50 ms".formatted(k), millis[(millis.length - 1) / 2]);
    measures.put("k = %d, p95 ms".formatted(k), millis[(millis.length - 1) * 95 / 100]);
    measures.put(
        "k = %d, queries a second".formatted(k),
        1000 / Arrays.stream(millis).average().orElseThrow());
  }

  private void recall(Searcher searcher, Searcher exhaustive, List<Matrix> queries) {
    List<Matrix> asked = queries.subList(0, Math.min(options.recallQueries, queries.size()));
    long start = System.nanoTime();
    List<List<Hit>> exact =
        exhaustive.searchAll(asked, SearchOptions.exhaustive(KS[KS.length - 1]));
    measures.put("exhaustive, ms a query", 1000 * seconds(start) / asked.size());
    for (int k : KS) {
      List<List<Hit>> found = searcher.searchAll(asked, SearchOptions.top(k));
      measures.put("recall@" + k, Recall.of(found, exact, k));
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Lets the system count the peak of resident memory anew, where it can. */
  private static void resetPeak() throws IOException {
    if (Files.isWritable(CLEAR)) {
      Files.writeString(CLEAR, "5");
    }
  }

  /** The peak of resident memory in MB, mapped files with it; NaN if the system does not tell. */
  private static double peak() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return Double.NaN;
    }
    return Files.readAllLines(STATUS).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1000)
        .findFirst()
        .orElse(Double.NaN);
  }

  /** Notes how long each stage takes, and says so on stderr. */
  private static final class StageTimes implements Progress {
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private String stage = "";
    private long start = System.nanoTime();

    Map<String, Double> seconds() {
      return seconds;
    }

    @Override
    public void stage(String name, String unit, long total) {
      done();
      stage = name;
      start = System.nanoTime();
    }

    @Override
    public void advance(long units) {}

    @Override
    public void done() {
      if (!stage.isEmpty()) {
        seconds.merge(stage, ScaleRun.seconds(start), Double::sum);
        System.err.printf(Locale.ROOT, "  %s: %.1f s%n", stage, seconds.get(stage));
        stage = "";
      }
    }
  }
}
