package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a search finds, against sums done by hand. */
class SearcherTest {
  private static final int DIM = 32;
  private static final SearchSettings WIDE =
      new SearchSettings(100_000, Float.NEGATIVE_INFINITY, 1_000_000, 1_000_000, "given");

  @TempDir Path directory;
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void tearDown() {
    arena.close();
  }

  @Test
  void exhaustiveSearchIsBruteForce() {
    for (int nbits : new int[] {2, 8, 16}) {
      index(nbits, TestIndex.docs(1, 200, DIM, 3));
      search(
          2,
          searcher -> {
            for (long seed = 0; seed < 5; seed++) {
              Matrix query = query(seed);
              Map<String, Double> right = bruteForce(searcher, query);
              assertRanked(right, searcher.search(query, SearchOptions.exhaustive(20)), 20);
              assertRanked(right, searcher.search(query, SearchOptions.exhaustive(999)), 200);
            }
          });
    }
  }

  @Test
  void settingsWideOpenFindWhatExhaustiveSearchFinds() {
    for (int nbits : new int[] {1, 4, 16}) {
      index(nbits, TestIndex.docs(2, 150, DIM, 2));
      search(
          1,
          searcher -> {
            for (long seed = 0; seed < 5; seed++) {
              List<Hit> exact = searcher.search(query(seed), SearchOptions.exhaustive(30));
              assertEquals(exact, searcher.search(query(seed), SearchOptions.of(30, WIDE)));
            }
          });
    }
  }

  @Test
  void aScoreIsTheSameWhicheverWayThePassageWasReached() {
    index(2, TestIndex.docs(3, 400, DIM, 1));
    search(
        2,
        searcher -> {
          for (long seed = 0; seed < 10; seed++) {
            Map<String, Float> exact = new HashMap<>();
            searcher
                .search(query(seed), SearchOptions.exhaustive(400))
                .forEach(h -> exact.put(h.id(), h.score()));
            SearchSettings narrow = new SearchSettings(2, 0.3f, 40, 12, "given");
            List<Hit> hits = searcher.search(query(seed), SearchOptions.of(10, narrow));
            assertEquals(10, hits.size());
            hits.forEach(h -> assertEquals(exact.get(h.id()), h.score(), h.id()));
          }
        });
  }

  @Test
  void aDocumentOfManyPassagesLeavesRoomForOthers() {
    float[][] query = TestIndex.rows(new SplittableRandom(0), 6, DIM, null);
    List<Doc> docs = new ArrayList<>(TestIndex.docs(4, 100, DIM, 1));
    docs.add(new Doc("big", java.util.Collections.nCopies(150, query)));
    index(4, docs);
    search(
        1,
        searcher -> {
          for (SearchOptions options :
              List.of(SearchOptions.exhaustive(10), SearchOptions.of(10, WIDE))) {
            List<Hit> hits = searcher.search(Matrix.of(arena, query), options);
            assertEquals("big", hits.getFirst().id());
            assertEquals(10, hits.size());
            assertEquals(10, hits.stream().map(Hit::id).distinct().count());
            Map<String, Double> right = bruteForce(searcher, Matrix.of(arena, query));
            assertRanked(right, hits, 10);
          }
        });
  }

  @Test
  void emptyPassagesAreNeverHit() {
    List<Doc> docs = new ArrayList<>(TestIndex.docs(5, 20, DIM, 1));
    docs.add(new Doc("empty", List.<float[][]>of(new float[0][])));
    docs.add(new Doc("none", List.of()));
    index(2, docs);
    search(
        1,
        searcher -> {
          assertEquals(20, searcher.search(query(1), SearchOptions.exhaustive(50)).size());
          assertEquals(20, searcher.search(query(1), SearchOptions.of(50, WIDE)).size());
        });
  }

  @Test
  void threadsAndBatchesDoNotChangeABit() {
    index(2, TestIndex.docs(6, 500, DIM, 3));
    List<Matrix> queries = new ArrayList<>();
    for (long seed = 0; seed < 70; seed++) { // more than a batch
      queries.add(query(seed));
    }
    List<List<List<Hit>>> answers = new ArrayList<>();
    List<SearchOptions> ways =
        List.of(
            SearchOptions.top(10),
            SearchOptions.exhaustive(10),
            SearchOptions.of(10, new SearchSettings(2, 0.3f, 60, 15, "given")));
    for (int threads : new int[] {1, 3}) {
      search(
          threads,
          searcher -> {
            for (SearchOptions options : ways) {
              List<List<Hit>> batch = searcher.searchAll(queries, options);
              assertEquals(queries.stream().map(q -> searcher.search(q, options)).toList(), batch);
              answers.add(batch);
            }
          });
    }
    assertEquals(answers.subList(0, 3), answers.subList(3, 6));
  }

  /** One query with more candidates than ndocs must not prune those of another with fewer. */
  @Test
  void aBatchPrunesNoQueryThatAloneWouldNotBe() {
    index(2, TestIndex.docs(12, 400, DIM, 1));
    Matrix small = query(0).slice(0, 1);
    float[][] rows = TestIndex.rows(new SplittableRandom(5), 60, DIM, null);
    SearchOptions options = SearchOptions.of(20, new SearchSettings(1, 0.999f, 60, 30, "given"));
    search(
        1,
        searcher -> {
          List<Hit> alone = searcher.search(small, options);
          assertFalse(alone.isEmpty());
          List<Matrix> both = List.of(small, Matrix.of(arena, rows));
          assertEquals(alone, searcher.searchAll(both, options).getFirst());
        });
  }

  @Test
  void queriesThatCannotBeAsked() {
    index(2, TestIndex.docs(7, 10, DIM, 1));
    search(
        1,
        searcher -> {
          SearchOptions top = SearchOptions.top(3);
          refused(() -> searcher.search(Matrix.allocate(arena, 2, 16), top), "dim 16");
          refused(() -> searcher.search(Matrix.allocate(arena, 0, DIM), top), "0 token");
          refused(() -> searcher.search(Matrix.allocate(arena, 257, DIM), top), "257 token");
          Matrix bad = query(1);
          bad.set(2, 5, Float.NaN);
          refused(() -> searcher.search(bad, top), "row 2");
          refused(() -> SearchOptions.top(0), "k is 0");
        });
  }

  @Test
  @SuppressWarnings("try") // closed early on purpose
  void aClosedSnapshotSaysSo() {
    index(2, TestIndex.docs(8, 10, DIM, 1));
    try (Backend backend = Contenders.best(1);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      List<Hit> hits = searcher.search(query(1), SearchOptions.top(3));
      snapshot.close();
      for (Runnable call :
          List.<Runnable>of(
              () -> searcher.search(query(1), SearchOptions.top(3)),
              () -> searcher.text(hits.getFirst()),
              snapshot::verify)) {
        IllegalStateException e = assertThrows(IllegalStateException.class, call::run);
        assertEquals("the index is closed", e.getMessage());
      }
    }
  }

  @Test
  void anOldSnapshotKeepsItsAnswersWhenANewCommitReplacesItsFiles() {
    index(2, TestIndex.docs(9, 30, DIM, 1));
    search(
        1,
        searcher -> {
          List<Hit> before = searcher.search(query(1), SearchOptions.exhaustive(5));
          index(4, TestIndex.docs(10, 5, DIM, 1));
          assertEquals(before, searcher.search(query(1), SearchOptions.exhaustive(5)));
          assertTrue(
              String.valueOf(searcher.text(before.getFirst())).contains(before.getFirst().id()));
          searcher.snapshot().verify();
          assertEquals(1, searcher.snapshot().manifest().commit());
        });
    search(1, searcher -> assertEquals(5, searcher.snapshot().manifest().documents()));
  }

  private static void refused(Runnable call, String message) {
    TartanException e = assertThrows(TartanException.class, call::run);
    assertTrue(String.valueOf(e.getMessage()).contains(message), e.getMessage());
  }

  /** The best MaxSim of each document, over reconstructed embeddings, in double. */
  private Map<String, Double> bruteForce(Searcher searcher, Matrix query) {
    Segment segment = searcher.snapshot().segments().getFirst();
    Map<String, Double> best = new HashMap<>();
    for (int p = 0; p < segment.passages(); p++) {
      if (segment.doclen(p) > 0) {
        Matrix tokens = searcher.tokens(segment, p, arena);
        double score = 0;
        for (int r = 0; r < query.rows(); r++) {
          score += greatest(query, r, tokens);
        }
        best.merge(segment.id(segment.document(p)), score, Math::max);
      }
    }
    return best;
  }

  private static double greatest(Matrix query, int row, Matrix tokens) {
    double best = Double.NEGATIVE_INFINITY;
    for (int t = 0; t < tokens.rows(); t++) {
      double dot = 0;
      for (int d = 0; d < DIM; d++) {
        dot += (double) query.get(row, d) * tokens.get(t, d);
      }
      best = Math.max(best, dot);
    }
    return best;
  }

  /** The hits have the greatest scores there are, in their order. */
  private static void assertRanked(Map<String, Double> right, List<Hit> hits, int count) {
    List<Double> ranked = right.values().stream().sorted((a, b) -> Double.compare(b, a)).toList();
    assertEquals(count, hits.size());
    for (int i = 0; i < count; i++) {
      assertEquals(ranked.get(i), hits.get(i).score(), 1e-4, "rank " + i);
      assertEquals(
          right.getOrDefault(hits.get(i).id(), Double.NaN),
          hits.get(i).score(),
          1e-4,
          hits.get(i).id());
    }
  }

  private Matrix query(long seed) {
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    return Matrix.of(
        arena, TestIndex.rows(new SplittableRandom(seed), 5 + (int) seed % 9, DIM, centers));
  }

  private void index(int nbits, List<Doc> docs) {
    TestIndex.write(directory, IndexOptions.of(DIM, nbits), docs);
  }

  private void search(int threads, Consumer<Searcher> test) {
    try (Backend backend = Contenders.best(threads);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      test.accept(searcher);
    }
  }
}
