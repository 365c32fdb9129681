package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That a recall which was asked for is kept on queries that calibration never saw. */
class CalibrationTest {
  private static final int DIM = 32;
  private static final double KEPT = 0.02;

  @TempDir Path directory;
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void tearDown() {
    arena.close();
  }

  @Test
  void recallIsKeptOnQueriesLikeThePassages() {
    for (int nbits : new int[] {2, 16}) {
      index(nbits, TestIndex.docs(21, 2500, DIM, 1));
      calibrate(List.of(), 2);
      assertKept(queries(22, 200, 0.5f), 10);
      assertKept(queries(22, 60, 0.5f), 100);
    }
  }

  @Test
  void recallIsKeptWhereDocumentsHaveManyPassages() {
    index(2, TestIndex.docs(23, 900, DIM, 4));
    calibrate(List.of(), 2);
    assertKept(queries(24, 150, 0.5f), 10);
  }

  /** What was made of a passage finds the passage's copies with next to nothing; others do not. */
  @Test
  void recallIsKeptWherePassagesHaveManyNearCopies() {
    SplittableRandom random = new SplittableRandom(33);
    List<Doc> docs = new ArrayList<>();
    for (Doc doc : TestIndex.docs(34, 150, DIM, 1)) {
      for (int copy = 0; copy < 20; copy++) {
        float[][] rows = near(doc.passages().getFirst(), random);
        docs.add(new Doc(doc.id() + "-" + copy, List.<float[][]>of(rows)));
      }
    }
    index(2, docs);
    calibrate(List.of(), 2);
    assertKept(queries(35, 200, 0.5f), 10);
  }

  private static float[][] near(float[][] rows, SplittableRandom random) {
    float[][] near = new float[rows.length][];
    for (int r = 0; r < rows.length; r++) {
      near[r] = rows[r].clone();
      for (int d = 0; d < DIM; d++) {
        near[r][d] += (float) (0.03 * random.nextGaussian());
      }
    }
    return near;
  }

  /** Queries far from all passages need more; tuned with some, the index keeps it on others. */
  @Test
  void tuningWithQueriesTransfersToOthersOfTheirKind() {
    index(2, TestIndex.docs(25, 2500, DIM, 1));
    calibrate(queries(26, 200, 3), 2);
    assertKept(queries(27, 200, 3), 10);
  }

  @Test
  void moreRecallCostsMoreAndOneIsExhaustive() {
    index(2, TestIndex.docs(28, 2500, DIM, 1));
    Manifest manifest = calibrate(List.of(), 2);
    assertEquals(
        Set.of(10, 100, 1000),
        manifest.search().stream().map(Manifest.SearchEntry::k).collect(Collectors.toSet()));
    search(
        searcher -> {
          searcher.snapshot().verify();
          SearchSettings low = searcher.settings(SearchOptions.top(10, 0.6));
          SearchSettings high = searcher.settings(SearchOptions.top(10, 0.99));
          assertTrue(low.origin().contains("measured on this index"), low.origin());
          assertTrue(
              (long) low.ndocs() * low.nprobe() < (long) high.ndocs() * high.nprobe(),
              low + " against " + high);
          assertTrue(low.scored() <= high.scored(), low + " against " + high);
          Matrix query = queries(29, 1, 0.5f).getFirst();
          assertEquals(
              searcher.search(query, SearchOptions.exhaustive(10)),
              searcher.search(query, SearchOptions.top(10, 1)));
          SearchSettings beyond = searcher.settings(SearchOptions.top(10, 0.999_999));
          assertTrue(beyond.exhaustive());
          assertTrue(beyond.origin().contains("beyond"), beyond.origin());
        });
  }

  @Test
  void theSameCurvesWhateverTheNumberOfThreads() {
    index(2, TestIndex.docs(30, 600, DIM, 2));
    List<Manifest.SearchEntry> one = calibrate(List.of(), 1).search();
    assertFalse(one.isEmpty());
    assertEquals(one, calibrate(List.of(), 3).search());
    List<Matrix> given = queries(31, 40, 1);
    assertEquals(calibrate(given, 1).search(), calibrate(given, 3).search());
  }

  /** A query must not find what it was made of; the same query of a user may. */
  @Test
  void aPseudoQueryDoesNotWantItsOwnDocument() {
    index(2, TestIndex.docs(32, 50, DIM, 2));
    List<Matrix> own = new ArrayList<>();
    search(searcher -> own.addAll(PseudoQueries.of(searcher, 160, arena).rows()));
    assertEquals(160, own.size());
    assertNotEquals(calibrate(own, 2).search(), calibrate(List.of(), 2).search());
    search(
        searcher -> {
          PseudoQueries queries = PseudoQueries.of(searcher, 30, arena);
          assertEquals(30, queries.rows().size());
          assertEquals(queries.sources(), PseudoQueries.of(searcher, 30, arena).sources());
          for (int q = 0; q < 30; q++) {
            Hit best =
                searcher.search(queries.rows().get(q), SearchOptions.exhaustive(1)).getFirst();
            int document = searcher.snapshot().segments().getFirst().document(best.passage());
            assertTrue(queries.sources().get(q) >= 0);
            if (queries.rows().get(q).rows() > 6) {
              assertEquals(PseudoQueries.key(0, document), queries.sources().get(q));
            }
          }
        });
  }

  @Test
  void anIndexOfAlmostNothing() {
    index(2, List.of(new Doc("only", List.<float[][]>of(new float[][] {unit()}))));
    Manifest manifest = calibrate(List.of(), 1);
    assertTrue(manifest.commit() == 2);
    search(
        searcher -> {
          Matrix query = Matrix.of(arena, new float[][] {unit()});
          assertEquals(1, searcher.search(query, SearchOptions.top(10)).size());
        });
  }

  private static float[] unit() {
    float[] row = new float[DIM];
    row[3] = 1;
    return row;
  }

  /** Rows around the directions of {@link TestIndex}, {@code noise} times as far as its tokens. */
  private List<Matrix> queries(long seed, int count, float noise) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    List<Matrix> queries = new ArrayList<>();
    for (int q = 0; q < count; q++) {
      float[][] rows = new float[4 + random.nextInt(12)][DIM];
      for (float[] row : rows) {
        float[] center = centers[random.nextInt(centers.length)];
        for (int d = 0; d < DIM; d++) {
          row[d] = center[d] + noise * 0.08f * (float) random.nextGaussian();
        }
      }
      Matrix query = Matrix.of(arena, rows);
      query.normalizeRows("query", 0);
      queries.add(query);
    }
    return queries;
  }

  private void assertKept(List<Matrix> queries, int k) {
    search(
        searcher -> {
          List<List<Hit>> exact = searcher.searchAll(queries, SearchOptions.exhaustive(k));
          for (double asked : new double[] {0.9, 0.95, 0.99}) {
            SearchOptions options = SearchOptions.top(k, asked);
            List<List<Hit>> found = searcher.searchAll(queries, options);
            double sum = 0;
            for (int q = 0; q < exact.size(); q++) {
              Set<String> common = ids(exact.get(q));
              int wanted = common.size();
              common.retainAll(ids(found.get(q)));
              sum += (double) common.size() / wanted;
            }
            double reached = sum / exact.size();
            assertTrue(
                reached >= asked - KEPT,
                "%s of %s, k %d, %s".formatted(reached, asked, k, searcher.settings(options)));
          }
        });
  }

  private static Set<String> ids(List<Hit> hits) {
    return hits.stream().map(Hit::id).collect(Collectors.toCollection(HashSet::new));
  }

  private void index(int nbits, List<Doc> docs) {
    TestIndex.write(directory, IndexOptions.of(DIM, nbits), docs);
  }

  private Manifest calibrate(List<Matrix> queries, int threads) {
    try (Backend backend = Contenders.best(threads)) {
      return Calibration.calibrate(directory, queries, Calibration.KS, backend, Progress.NONE);
    }
  }

  private void search(java.util.function.Consumer<Searcher> work) {
    try (Backend backend = Contenders.best(2);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      work.accept(searcher);
    }
  }
}
