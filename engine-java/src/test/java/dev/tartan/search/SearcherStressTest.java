package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many threads on one open index: each answer is that of one thread alone, and memory does not
 * grow. Lasts as many seconds as the system property {@code tartan.stress.seconds} says, 4 if it is
 * not set.
 */
class SearcherStressTest {
  private static final int DIM = 32;
  private static final int READERS = 24; // half of them virtual threads
  private static final int QUERIES = 20;
  private static final int SECONDS = Integer.getInteger("tartan.stress.seconds", 4);
  private static final Path STATUS = Path.of("/proc/self/status");

  /** From half time on memory may wander by this much: compiled code, heap collected later. */
  private static final long SLACK_KB = 16 << 10;

  @TempDir Path directory;
  private final Arena arena = Arena.ofShared();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final AtomicLong searches = new AtomicLong();

  @Test
  void manyThreadsGetTheAnswersOfOne() throws Exception {
    TestIndex.write(directory, IndexOptions.of(DIM, 2), TestIndex.docs(1, 1500, DIM, 2));
    List<Matrix> queries = queries();
    List<List<List<Hit>>> right = alone(queries);
    List<Long> resident = new ArrayList<>();
    try (Backend backend = Contenders.best(3);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      long end = System.nanoTime() + SECONDS * 1_000_000_000L;
      List<Thread> readers = new ArrayList<>();
      for (int r = 0; r < READERS; r++) {
        long seed = r;
        Runnable reader = () -> read(searcher, queries, right, new SplittableRandom(seed), end);
        readers.add(
            r % 2 == 0 ? Thread.ofPlatform().start(reader) : Thread.ofVirtual().start(reader));
      }
      for (int quarter = 1; quarter <= 3; quarter++) {
        Thread.sleep(SECONDS * 250L);
        resident.add(residentKb());
      }
      Thread.sleep(Math.max(0, (end - System.nanoTime()) / 1_000_000 - 100));
      resident.add(residentKb());
      for (Thread reader : readers) {
        reader.join();
      }
    } finally {
      arena.close();
    }
    if (failure.get() != null) {
      throw new AssertionError("a reader failed", failure.get());
    }
    System.out.printf(
        "%d searches in %d s by %d threads; resident KiB at each quarter: %s%n",
        searches.get(), SECONDS, READERS, resident);
    assertTrue(searches.get() > READERS, "the readers did not run");
    if (SECONDS >= 60) { // the first half widens the heap
      assertTrue(
          resident.getLast() < resident.get(1) + SLACK_KB, "memory grew, in KiB: " + resident);
    }
  }

  private void read(
      Searcher searcher,
      List<Matrix> queries,
      List<List<List<Hit>>> right,
      SplittableRandom random,
      long end) {
    try {
      while (System.nanoTime() < end && failure.get() == null) {
        int way = random.nextInt(right.size());
        SearchOptions options = ways().get(way);
        if (random.nextInt(16) == 0) {
          int first = random.nextInt(QUERIES - 4);
          assertEquals(
              right.get(way).subList(first, first + 4),
              searcher.searchAll(queries.subList(first, first + 4), options));
        } else {
          int q = random.nextInt(QUERIES);
          assertEquals(right.get(way).get(q), searcher.search(queries.get(q), options));
        }
        searches.incrementAndGet();
      }
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
    }
  }

  private List<List<List<Hit>>> alone(List<Matrix> queries) {
    try (Backend backend = Contenders.best(1);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      return ways().stream()
          .map(options -> queries.stream().map(q -> searcher.search(q, options)).toList())
          .toList();
    }
  }

  /** Mixed k and mixed settings. */
  private static List<SearchOptions> ways() {
    return List.of(
        SearchOptions.top(1),
        SearchOptions.top(10),
        SearchOptions.top(100),
        SearchOptions.top(1000),
        SearchOptions.exhaustive(7),
        SearchOptions.of(10, new SearchSettings(2, 0.3f, 60, 15, "given")),
        SearchOptions.of(25, new SearchSettings(4, Float.NEGATIVE_INFINITY, 300, 75, "given")),
        new SearchOptions(3, 0.9, 1, null, 12, null));
  }

  /** Of 1 to 70 rows, so that workspaces of several numbers of lanes are made. */
  private List<Matrix> queries() {
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    List<Matrix> queries = new ArrayList<>();
    for (int q = 0; q < QUERIES; q++) {
      int rows = q == 0 ? 1 : q % 5 == 0 ? 70 : 4 + q;
      queries.add(Matrix.of(arena, TestIndex.rows(new SplittableRandom(q), rows, DIM, centers)));
    }
    return queries;
  }

  /** Resident memory of this process; 0 where the system does not tell. */
  private static long residentKb() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return 0;
    }
    return Files.readAllLines(STATUS).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(0);
  }
}
