package dev.tartan.jmh.scale;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.search.Calibration;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Selection;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./tartan bench living}: what changes to a large index cost, and what searches feel. */
@Command(
    name = "./tartan bench living",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Inflates a small index to many passages, then times additions and deletions, searches meanwhile,",
      "searches after ten additions and after compacting, and searches of selections.",
    })
@SuppressWarnings("NullAway.Init") // picocli sets the fields
public final class LivingCommand implements Callable<Integer> {
  @Option(
      names = "--from",
      required = true,
      description = "An index of brought or made embeddings.")
  Path from;

  @Option(names = "--work", required = true, description = "Where the large index goes, or is.")
  Path work;

  @Option(
      names = "--passages",
      description = "Default: ${DEFAULT-VALUE}.",
      defaultValue = "1000000")
  int passages;

  @Option(
      names = "--tokens",
      description = "A passage; default: ${DEFAULT-VALUE}.",
      defaultValue = "45")
  int tokens;

  @Option(names = "--centroids", description = "Default: ${DEFAULT-VALUE}.", defaultValue = "65536")
  int centroids;

  @Option(names = "--queries", description = "Default: ${DEFAULT-VALUE}.", defaultValue = "200")
  int queryCount;

  private static final int PASSES = 5;
  private static final int ROUNDS = 10;
  private static final int ADDED = 100;
  private static final int DELETED = 1000;
  private static final int QUERY_ROWS = 16;
  private static final SearchOptions TOP = SearchOptions.top(10);

  /** Rounds at the start of which the times are not taken: code is being compiled. */
  private static final int WARM_UP = 4;

  /** Ids that an earlier run on the same index has not used. */
  private final long run = System.currentTimeMillis();

  private final SplittableRandom random = new SplittableRandom(2);
  private final Arena arena = Arena.ofShared();
  private List<Matrix> queries = List.of();

  private LivingCommand() {}

  public static void main(String[] args) {
    System.exit(Commands.run(new LivingCommand(), args));
  }

  @Override
  public Integer call() throws InterruptedException {
    try (Backend one = Backends.open("cpu", 1, _ -> {});
        Backend other = Backends.open("cpu", 1, _ -> {})) {
      if (!work.resolve(Manifest.FILE).toFile().exists()) {
        long start = System.nanoTime();
        InflatedIndex.write(from, work, passages, tokens, centroids);
        print("inflated, s", seconds(start));
        try (Backend two = Backends.open("cpu", 2, _ -> {})) {
          Calibration.calibrate(work, List.of(), List.of(10, 100), two, Progress.NONE);
        }
        print("inflated and calibrated, s", seconds(start));
      }
      measure(one, other);
    } finally {
      arena.close();
    }
    return 0;
  }

  private void measure(Backend one, Backend other) throws InterruptedException {
    List<Matrix> added = new ArrayList<>();
    double[] before;
    try (Snapshot snapshot = Snapshot.open(work);
        Searcher searcher = new Searcher(snapshot, one)) {
      queries = pick(searcher, queryCount, QUERY_ROWS);
      added.addAll(pick(searcher, (WARM_UP + ROUNDS) * ADDED, tokens));
      System.out.println(searcher.settings(TOP));
      times(searcher, null);
      before = times(searcher, null);
      selections(searcher, before);
      List<Double> during = Collections.synchronizedList(new ArrayList<>());
      AtomicBoolean done = new AtomicBoolean();
      Thread reader = Thread.ofPlatform().start(() -> readUntil(searcher, done, during));
      List<Double> visible = new ArrayList<>();
      for (int round = 0; round < WARM_UP + ROUNDS; round++) {
        if (round == WARM_UP) {
          visible.clear();
          during.clear();
        }
        visible.add(add(round, added.subList(round * ADDED, (round + 1) * ADDED), other));
      }
      done.set(true);
      reader.join();
      print("100 more documents visible, median ms", percentile(array(visible), 50));
      print("100 more documents visible, worst ms", percentile(array(visible), 100));
      print("search alone, p50 ms", percentile(before, 50));
      print("search alone, p99 ms", percentile(before, 99));
      print("search while documents are added, p50 ms", percentile(array(during), 50));
      print("search while documents are added, p99 ms", percentile(array(during), 99));
      print("search alone afterwards, p99 ms", percentile(times(searcher, null), 99));
      reopened("after %d additions".formatted(WARM_UP + ROUNDS), one, searcher);
      delete(other);
      reopened("after 1,000 deletions", one, searcher);
      long start = System.nanoTime();
      new Compaction(work, other, Progress.NONE).compact();
      print("compact, s", seconds(start));
      reopened("after compact", one, searcher);
    }
  }

  private void selections(Searcher searcher, double[] all) {
    for (double share : new double[] {0.5, 0.1, 0.01, 0.001}) {
      SplittableRandom chosen = new SplittableRandom(3);
      Selection selection =
          Selection.of(searcher.snapshot(), _ -> document -> chosen.nextDouble() < share);
      times(searcher, selection);
      double[] some = times(searcher, selection);
      print(
          String.format(Locale.ROOT, "search of %.1f %%, p50 ms", 100 * share),
          percentile(some, 50));
    }
    print("search of all, p50 ms", percentile(all, 50));
  }

  /** Each query asked of the index as it was and as it is, in turn: the machine is the same. */
  private void reopened(String when, Backend backend, Searcher before) {
    try (Snapshot snapshot = Snapshot.open(work);
        Searcher after = new Searcher(snapshot, backend)) {
      times(after, null);
      double[] old = new double[PASSES * queries.size()];
      double[] now = new double[old.length];
      for (int i = 0; i < old.length; i++) {
        Matrix query = queries.get(i % queries.size());
        long start = System.nanoTime();
        before.search(query, TOP);
        long middle = System.nanoTime();
        after.search(query, TOP);
        old[i] = (middle - start) * 1e-6;
        now[i] = 1000 * seconds(middle);
      }
      print(when + ", segments", snapshot.segments().size());
      print(when + ", search p50 ms", percentile(now, 50));
      print(when + ", ratio of p50", percentile(now, 50) / percentile(old, 50));
      print(when + ", ratio of means", mean(now) / mean(old));
    }
  }

  private double add(int round, List<Matrix> documents, Backend backend) {
    long start = System.nanoTime();
    try (IndexWriter writer = IndexWriter.append(work, backend, Progress.NONE)) {
      for (int i = 0; i < documents.size(); i++) {
        writer.add(id(round, i), List.of(new IndexWriter.Passage(tokens, null)), documents.get(i));
      }
      writer.commit();
    }
    long committed = System.nanoTime();
    try (Snapshot snapshot = Snapshot.open(work);
        Searcher searcher = new Searcher(snapshot, backend)) {
      searcher.search(documents.getFirst().slice(0, QUERY_ROWS), TOP);
      if (snapshot.find(id(round, 0)) == null) {
        throw new IllegalStateException("not visible");
      }
    }
    double millis = 1000 * seconds(start);
    long merging = System.nanoTime();
    new Compaction(work, backend, Progress.NONE).merge();
    System.out.printf(
        Locale.ROOT,
        "  added in %.0f ms, searched after %.0f, merged in %.0f more%n",
        (committed - start) * 1e-6,
        millis,
        1000 * seconds(merging));
    return millis;
  }

  private String id(int round, int document) {
    return "added-%d-%d-%d".formatted(run, round, document);
  }

  private void delete(Backend backend) {
    long start = System.nanoTime();
    try (IndexWriter writer = IndexWriter.append(work, backend, Progress.NONE)) {
      for (int i = 0; i < DELETED; i++) {
        writer.delete("passage-" + ((long) i * passages / DELETED + run % 1000));
      }
      writer.commit();
    }
    print("1,000 deleted, ms", 1000 * seconds(start));
  }

  private void readUntil(Searcher searcher, AtomicBoolean done, List<Double> millis) {
    for (int q = 0; !done.get(); q = (q + 1) % queries.size()) {
      long start = System.nanoTime();
      searcher.search(queries.get(q), TOP);
      millis.add(1000 * seconds(start));
    }
  }

  private double[] times(Searcher searcher, @org.jspecify.annotations.Nullable Selection some) {
    double[] millis = new double[queries.size()];
    for (int q = 0; q < millis.length; q++) {
      long start = System.nanoTime();
      searcher.search(queries.get(q), TOP, some);
      millis[q] = 1000 * seconds(start);
    }
    return millis;
  }

  /** Runs of tokens of random passages, as they are stored. */
  private List<Matrix> pick(Searcher searcher, int count, int rows) {
    Segment segment = searcher.snapshot().segments().getFirst();
    List<Matrix> picked = new ArrayList<>();
    while (picked.size() < count) {
      Matrix tokensOf = searcher.tokens(segment, random.nextInt(segment.passages()), arena);
      if (tokensOf.rows() >= rows) {
        picked.add(tokensOf.slice(0, rows));
      }
    }
    return picked;
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(v -> v).toArray();
  }

  private static double percentile(double[] values, int percent) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(sorted.length - 1) * percent / 100];
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) * 1e-9;
  }

  private static void print(String what, double value) {
    System.out.printf(Locale.ROOT, "%-45s %10.2f%n", what, value);
  }
}
