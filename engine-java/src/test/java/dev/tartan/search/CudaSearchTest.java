package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.cuda.CudaProperties;
import dev.tartan.compute.cuda.FakeDriver;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search on a device finds what one on the processor finds. */
class CudaSearchTest {
  private static final int DIM = 32;
  private static final int QUERIES = 34; // more than a batch
  private static final int CALLERS = 4;
  private static final int K = 10;

  /** Of a score: where float16 rounds. */
  private static final float BOUND = 2e-3f;

  private static final List<SearchOptions> WAYS =
      List.of(
          SearchOptions.top(K),
          SearchOptions.exhaustive(K),
          SearchOptions.of(K, new SearchSettings(2, 0.3f, 60, 15, "given")));

  private static final List<String> CALLS =
      List.of(
          "cuLaunchKernel",
          "cuMemcpyHtoDAsync_v2",
          "cuMemcpyDtoHAsync_v2",
          "cuMemsetD8Async",
          "cuStreamSynchronize",
          "cuMemAlloc_v2",
          "cuMemHostAlloc");

  @TempDir Path directory;

  @Test
  void theSameHits() throws Exception {
    for (int nbits : new int[] {2, 4, 16}) {
      Path index = directory.resolve("index" + nbits);
      TestIndex.write(index, IndexOptions.of(DIM, nbits), TestIndex.docs(nbits, 120, DIM, 2));
      try (Backend device = Contenders.cuda(true);
          Backend processor = Contenders.best(2);
          Snapshot snapshot = Snapshot.open(index);
          Arena arena = Arena.ofShared();
          Searcher other = new Searcher(snapshot, device);
          Searcher right = new Searcher(snapshot, processor)) {
        List<Matrix> queries =
            LongStream.range(0, QUERIES).mapToObj(seed -> query(seed, arena)).toList();
        for (SearchOptions way : WAYS) {
          List<List<Hit>> expected = right.searchAll(queries, way);
          List<List<Hit>> batch = other.searchAll(queries, way);
          for (int q = 0; q < QUERIES; q++) {
            assertSame(expected.get(q), batch.get(q), nbits + " bits, query " + q);
          }
          assertEquals(batch.get(7), other.search(queries.get(7), way));
        }
        assertSameOnVirtualThreads(other, queries.subList(0, CALLERS));
        assertEqualTokens(right, other, queries.getFirst());
      }
    }
  }

  /** One that finds its memory there: the counts in docs/kernels.md. */
  @Test
  void aSearchAsksTheDriverForLittle() {
    Path index = directory.resolve("counted");
    TestIndex.write(index, IndexOptions.of(DIM, 2), TestIndex.docs(2, 400, DIM, 1));
    SearchOptions way = SearchOptions.of(K, new SearchSettings(4, -1, 300, 120, "given"));
    try (Backend device = Contenders.cuda(true);
        Snapshot snapshot = Snapshot.open(index);
        Arena arena = Arena.ofShared();
        Searcher searcher = new Searcher(snapshot, device)) {
      assumeTrue(CudaProperties.read().emulated(), "the driver of this machine does not count");
      Matrix query = query(5, arena);
      searcher.search(query, way);
      searcher.search(query, way);
      long[] before = CALLS.stream().mapToLong(FakeDriver::calls).toArray();
      searcher.search(query, way);
      long[] after = CALLS.stream().mapToLong(FakeDriver::calls).toArray();
      assertEquals(
          List.of(13L, 10L, 6L, 1L, 6L, 0L, 0L),
          IntStream.range(0, after.length).mapToObj(i -> after[i] - before[i]).toList());
    }
  }

  /** Contexts of the driver belong to threads of the operating system, of which there are fewer. */
  private static void assertSameOnVirtualThreads(Searcher searcher, List<Matrix> queries)
      throws Exception {
    List<List<Hit>> expected = searcher.searchAll(queries, WAYS.getLast());
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<List<Hit>>> found =
          queries.stream()
              .map(query -> threads.submit(() -> searcher.search(query, WAYS.getLast())))
              .toList();
      for (int q = 0; q < CALLERS; q++) {
        assertEquals(expected.get(q), found.get(q).get(), "query " + q);
      }
    }
  }

  private static Matrix query(long seed, Arena arena) {
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    return Matrix.of(
        arena, TestIndex.rows(new SplittableRandom(seed), 5 + (int) seed % 9, DIM, centers));
  }

  /** Rank by rank the same score, and the same document unless the next is as good. */
  private static void assertSame(List<Hit> expected, List<Hit> actual, String what) {
    assertEquals(expected.size(), actual.size(), what);
    for (int i = 0; i < expected.size(); i++) {
      float score = expected.get(i).score();
      float bound = BOUND * score;
      assertEquals(score, actual.get(i).score(), bound, what);
      String id = actual.get(i).id();
      boolean ofEqualScore =
          i + 1 == expected.size()
              || expected.stream()
                  .anyMatch(h -> h.id().equals(id) && Math.abs(h.score() - score) <= bound);
      assertTrue(ofEqualScore, () -> what + ": " + expected + " but was " + actual);
    }
  }

  private static void assertEqualTokens(Searcher right, Searcher other, Matrix query) {
    try (Arena arena = Arena.ofConfined()) {
      Hit hit = right.search(query, SearchOptions.top(1)).getFirst();
      Matrix a = right.similarities(query, hit, arena);
      Matrix b = other.similarities(query, hit, arena);
      for (int r = 0; r < a.rows(); r++) {
        for (int t = 0; t < a.dim(); t++) {
          assertEquals(a.get(r, t), b.get(r, t), 1e-5);
        }
      }
    }
  }
}
