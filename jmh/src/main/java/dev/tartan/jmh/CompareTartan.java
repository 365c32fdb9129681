package dev.tartan.jmh;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.Backends;
import dev.tartan.codec.CodecTrainer;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Calibration;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Builds and searches Tartan's indexes as {@code jmh/peers} does those of other engines: the same
 * input folder, clock and lines of measurements.
 *
 * <pre>
 * ./tartan bench compare build INPUT WORK THREADS BITS...
 * ./tartan bench compare exhaustive INPUT WORK THREADS BITS
 * ./tartan bench compare search INPUT WORK THREADS BITS K RAW
 * </pre>
 */
public final class CompareTartan {
  private static final int PASSES = 3; // the first warms up; what a query took is the best of them
  private static final double ENOUGH_SECONDS = 40; // no further pass after that
  private static final double[] RECALLS = {0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999};
  private static final JsonMapper JSON = new JsonMapper();
  private static final double COMPILED_SECONDS = 3; // until a query is all compiled
  private static final double WARM_SECONDS = 0.2;
  private static final int BATCH_PASSES = 3; // of all queries at once, the best of which counts
  private static final int EXHAUSTIVE_K = 1000;

  private final CompareInput input;
  private final Path work;
  private final int threads;
  private boolean compiled;

  private CompareTartan(String input, String work, String threads) {
    this.input = new CompareInput(Path.of(input));
    this.work = Path.of(work);
    this.threads = Integer.parseInt(threads);
  }

  public static void main(String[] args) throws IOException {
    String action = args.length < 5 ? "" : args[0];
    boolean known =
        action.equals("build")
            || action.equals("exhaustive") && args.length == 5
            || action.equals("search") && args.length == 7;
    if (!known) {
      System.err.println(
          """
          usage: ./tartan bench compare build INPUT WORK THREADS BITS...
                 ./tartan bench compare exhaustive INPUT WORK THREADS BITS
                 ./tartan bench compare search INPUT WORK THREADS BITS K RAW""");
      System.exit(2);
    }
    CompareTartan tartan = new CompareTartan(args[1], args[2], args[3]);
    switch (action) {
      case "search" -> tartan.search(args[4], Integer.parseInt(args[5]), Path.of(args[6]));
      case "exhaustive" -> tartan.exhaustive(args[4]);
      default -> {
        for (String bits : Arrays.asList(args).subList(4, args.length)) {
          tartan.build(bits);
        }
      }
    }
  }

  private Path index(String bits) {
    return work.resolve("tartan-" + bits);
  }

  private Path buildFile(String bits) {
    return work.resolve("tartan-" + bits + ".build.json");
  }

  private void build(String bits) throws IOException {
    Stages stages = new Stages();
    Manifest manifest;
    try (Backend backend = Backends.open("cpu", threads, System.err::println);
        NpyEmbeddings source = new NpyEmbeddings(input.embeddings(), input.doclens())) {
      IndexOptions options = IndexOptions.of(source.dim(), Integer.parseInt(bits));
      try (IndexWriter writer = new IndexWriter(index(bits), options, backend, stages)) {
        manifest = writer.commit(source, null);
      }
      stages.done();
      Calibration.calibrate(index(bits), List.of(), Calibration.KS, backend, Progress.NONE);
    }
    ObjectNode line = JSON.createObjectNode();
    line.put("engine", "tartan").put("version", "0.1.0").put("nbits", Integer.parseInt(bits));
    line.put("centroids", manifest.codec().centroids()).put("tokens", manifest.tokens());
    line.put("sample", (long) CodecTrainer.ROWS_PER_CENTROID * manifest.codec().centroids());
    line.put("build_threads", threads);
    line.put("build_seconds", stages.wall()).put("build_cpu_seconds", stages.cpu());
    line.put("kmeans_seconds", stages.seconds.getOrDefault("clustering", 0.0));
    line.put("kmeans_cpu_seconds", stages.cpuSeconds.getOrDefault("clustering", 0.0));
    line.put("build_peak_rss", peakRss()).put("index_bytes", bytes(index(bits)));
    Files.writeString(buildFile(bits), line.toString());
    System.err.println(line);
  }

  private void search(String bits, int k, Path raw) throws IOException {
    ObjectNode build = (ObjectNode) JSON.readTree(Files.readString(buildFile(bits)));
    try (Arena arena = Arena.ofShared();
        Backend backend = Backends.open("cpu", threads, System.err::println);
        Snapshot snapshot = Snapshot.open(index(bits));
        Searcher searcher = new Searcher(snapshot, backend)) {
      List<Matrix> queries = input.queries(arena);
      for (Map.Entry<String, SearchOptions> point : sweep(searcher, k).entrySet()) {
        measure(searcher, queries, point.getKey(), point.getValue(), build.deepCopy(), raw);
      }
    }
  }

  /** What the index was measured to need, from coarse to fine. */
  private static Map<String, SearchOptions> sweep(Searcher searcher, int k) {
    Map<String, SearchOptions> all = new LinkedHashMap<>();
    for (double recall : RECALLS) {
      SearchOptions own = SearchOptions.top(k, recall);
      all.put(searcher.settings(own).toString(), own);
    }
    all.put("exhaustive", SearchOptions.exhaustive(k));
    return all;
  }

  private void measure(
      Searcher searcher,
      List<Matrix> queries,
      String settings,
      SearchOptions options,
      ObjectNode line,
      Path raw)
      throws IOException {
    double[] millis = new double[queries.size()];
    Arrays.fill(millis, Double.POSITIVE_INFINITY);
    double cpuMillis = Double.POSITIVE_INFINITY; // a query's mean of all threads in the best pass
    List<List<Hit>> hits = new ArrayList<>();
    warmUp(searcher, queries, options);
    double enough = CompareInput.setting("SECONDS", (int) ENOUGH_SECONDS);
    long begin = System.nanoTime();
    for (int pass = 0; pass < PASSES; pass++) {
      if (pass > 0 && seconds(begin) * (pass + 1) / pass > enough) {
        break;
      }
      hits.clear();
      long startCpu = cpuNanos();
      for (int q = 0; q < millis.length; q++) {
        long start = System.nanoTime();
        hits.add(searcher.search(queries.get(q), options));
        millis[q] = Math.min(millis[q], (System.nanoTime() - start) * 1e-6);
      }
      cpuMillis = Math.min(cpuMillis, (cpuNanos() - startCpu) * 1e-6 / millis.length);
    }
    if (threads > 1) { // with one it is what single queries are
      double best = Double.POSITIVE_INFINITY;
      for (int pass = 0; pass < BATCH_PASSES; pass++) {
        long start = System.nanoTime();
        searcher.searchAll(queries, options);
        best = Math.min(best, seconds(start));
      }
      line.put("batch_seconds", best);
    }

    String label =
        "tartan %d %d %d %s".formatted(line.get("nbits").asInt(), options.k(), threads, settings);
    Path file = raw.resolveSibling(label.replaceAll("\\W", "_") + ".npy");
    write(hits, options.k(), file);
    line.put("k", options.k()).put("threads", threads).put("settings", settings);
    line.putPOJO("searched", input.searched());
    line.putPOJO("millis", millis).put("cpu_millis", cpuMillis);
    line.put("hits", file.getFileName().toString());
    Files.writeString(
        raw,
        JSON.writeValueAsString(line) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    Arrays.sort(millis);
    System.err.printf("%s: p50 %.2f ms%n", label, millis[millis.length / 2]);
  }

  private void warmUp(Searcher searcher, List<Matrix> queries, SearchOptions options) {
    double enough = compiled ? WARM_SECONDS : COMPILED_SECONDS;
    long begin = System.nanoTime();
    for (int q = 0; seconds(begin) < enough; q++) {
      searcher.search(queries.get(q % queries.size()), options);
    }
    compiled = true;
  }

  private static double seconds(long begin) {
    return (System.nanoTime() - begin) * 1e-9;
  }

  /** Keeps beside the index what it itself ranks best: what the codec loses, and not the search. */
  private void exhaustive(String bits) {
    try (Arena arena = Arena.ofShared();
        Backend backend = Backends.open("cpu", threads, System.err::println);
        Snapshot snapshot = Snapshot.open(index(bits));
        Searcher searcher = new Searcher(snapshot, backend)) {
      List<Matrix> queries = input.queries(arena);
      List<List<Hit>> hits = searcher.searchAll(queries, SearchOptions.exhaustive(EXHAUSTIVE_K));
      write(hits, EXHAUSTIVE_K, work.resolve("tartan-" + bits + ".exhaustive.npy"));
    }
  }

  /** Passage numbers, int32 [queries, k]; the ids of an index of brought embeddings are those. */
  private static void write(List<List<Hit>> hits, int k, Path file) {
    try (NpyWriter out = new NpyWriter(file, DType.I32, k)) {
      for (List<Hit> ofQuery : hits) {
        for (int i = 0; i < k; i++) {
          out.writeInt(i < ofQuery.size() ? Integer.parseInt(ofQuery.get(i).id()) : -1);
        }
      }
    }
  }

  private static long bytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
  }

  /** The most memory this process has had resident so far, in bytes. */
  private static long peakRss() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new TartanException(
        "/proc/self/status has no VmHWM; the peak memory is only known there");
  }

  /** CPU time of all threads of this process so far. */
  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getProcessCpuTime();
  }

  /** Wall and CPU seconds of each stage of a build. */
  private static final class Stages implements Progress {
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private final Map<String, Double> cpuSeconds = new LinkedHashMap<>();
    private String current = "opening";
    private long start = System.nanoTime();
    private long startCpu = cpuNanos();

    @Override
    public void stage(String name, String unit, long total) {
      done();
      current = name;
    }

    @Override
    public void advance(long units) {}

    @Override
    public void done() {
      seconds.merge(current, (System.nanoTime() - start) * 1e-9, Double::sum);
      cpuSeconds.merge(current, (cpuNanos() - startCpu) * 1e-9, Double::sum);
      start = System.nanoTime();
      startCpu = cpuNanos();
    }

    double wall() {
      return seconds.values().stream().mapToDouble(s -> s).sum();
    }

    double cpu() {
      return cpuSeconds.values().stream().mapToDouble(s -> s).sum();
    }
  }
}
