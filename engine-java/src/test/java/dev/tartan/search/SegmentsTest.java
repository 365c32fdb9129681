package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Deletions;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Searches of indexes of several segments, with deletions, and of selections. */
class SegmentsTest {
  private static final int DIM = 32;
  private static final SearchSettings NARROW =
      new SearchSettings(3, Float.NEGATIVE_INFINITY, 50, 20, "given");

  @TempDir Path directory;
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void tearDown() {
    arena.close();
  }

  /** The candidates of all segments are cut together, whatever the stage. */
  @Test
  void severalSegmentsAnswerAsOneDoes() {
    for (int nbits : new int[] {2, 16}) {
      List<Doc> docs = TestIndex.docs(1, 300, DIM, 2);
      Path one = directory.resolve("one" + nbits);
      Path many = directory.resolve("many" + nbits);
      TestIndex.write(one, IndexOptions.of(DIM, nbits).withCentroids(64), docs);
      TestIndex.write(many, IndexOptions.of(DIM, nbits).withCentroids(64), docs);
      delete(many, ids(docs.subList(100, 300)));
      for (int first = 100; first < 300; first += 40) {
        TestIndex.add(many, docs.subList(first, first + 40));
      }
      List<Matrix> queries = queries();
      for (SearchOptions options :
          List.of(
              SearchOptions.of(10, NARROW), SearchOptions.top(7), SearchOptions.exhaustive(30))) {
        search(
            one,
            single ->
                search(
                    many,
                    several -> {
                      for (Matrix query : queries) {
                        assertEquals(
                            found(single.search(query, options)),
                            found(several.search(query, options)));
                      }
                      assertEquals(
                          single.searchAll(queries, options).stream()
                              .map(SegmentsTest::found)
                              .toList(),
                          several.searchAll(queries, options).stream()
                              .map(SegmentsTest::found)
                              .toList());
                    }));
      }
    }
  }

  @Test
  void segmentsOfDifferentCodecsAreSearchedTogether() {
    List<Doc> docs = TestIndex.docs(2, 200, DIM, 2);
    TestIndex.write(directory, IndexOptions.of(DIM, 8), docs.subList(0, 120));
    TestIndex.writeSegment(directory, docs.subList(120, 200), IndexOptions.of(DIM, 4));
    search(
        directory,
        searcher -> {
          assertEquals(2, searcher.snapshot().manifest().codecs().size());
          int fromSecond = 0;
          for (Doc doc : List.of(docs.get(3), docs.get(119), docs.get(120), docs.get(199))) {
            Matrix own = Matrix.of(arena, doc.passages().getFirst());
            List<Hit> exact = searcher.search(own, SearchOptions.exhaustive(10));
            assertEquals(doc.id(), exact.getFirst().id());
            assertEquals(doc.id(), searcher.search(own, SearchOptions.top(10)).getFirst().id());
            fromSecond += exact.stream().mapToInt(Hit::segment).sum();
          }
          assertTrue(fromSecond > 4 && fromSecond < 36, "hits of both: " + fromSecond);
        });
  }

  @Test
  void deletedDocumentsAreNotFoundAndOthersAre() {
    for (int nbits : new int[] {2, 16}) {
      Path index = directory.resolve("index" + nbits);
      List<Doc> docs = TestIndex.docs(3, 200, DIM, 3);
      TestIndex.write(index, IndexOptions.of(DIM, nbits), docs);
      Set<String> gone = new HashSet<>();
      for (int i = 0; i < 200; i += 3) {
        gone.add(docs.get(i).id());
      }
      List<List<Hit>> before = new ArrayList<>();
      search(
          index,
          searcher ->
              queries()
                  .forEach(q -> before.add(searcher.search(q, SearchOptions.exhaustive(200)))));
      delete(index, gone);
      search(
          index,
          searcher -> {
            searcher.snapshot().verify();
            assertEquals(200 - gone.size(), searcher.snapshot().manifest().documents());
            List<Matrix> queries = queries();
            for (int q = 0; q < queries.size(); q++) {
              List<Found> left =
                  found(before.get(q)).stream().filter(f -> !gone.contains(f.id())).toList();
              assertEquals(
                  left, found(searcher.search(queries.get(q), SearchOptions.exhaustive(200))));
              assertEquals(left.subList(0, 10), found(searcher.search(queries.get(q), WIDE)));
            }
          });
    }
  }

  private static final SearchOptions WIDE =
      SearchOptions.of(
          10, new SearchSettings(1000, Float.NEGATIVE_INFINITY, 100_000, 100_000, "given"));

  @Test
  void anIndexWithoutALivingDocument() {
    List<Doc> docs = TestIndex.docs(4, 5, DIM, 1);
    TestIndex.write(directory, IndexOptions.of(DIM, 2), docs);
    delete(directory, ids(docs));
    search(
        directory,
        searcher -> {
          assertEquals(0, searcher.snapshot().segments().size());
          assertEquals(List.of(), searcher.search(queries().getFirst(), SearchOptions.top(3)));
          assertEquals(List.of(), searcher.search(queries().getFirst(), WIDE));
        });
  }

  /** Whatever share is selected, and however many segments there are. */
  @Test
  void aSelectionIsSearchedAsIfItWereAll() {
    List<Doc> docs = TestIndex.docs(5, 500, DIM, 2);
    TestIndex.write(directory, IndexOptions.of(DIM, 4), docs.subList(0, 400));
    TestIndex.add(directory, docs.subList(400, 500));
    search(
        directory,
        searcher -> {
          for (int keepEvery : new int[] {1, 2, 10, 100, 1000}) {
            Set<String> ids = new HashSet<>();
            for (int i = 0; i < 500; i += keepEvery) {
              ids.add(docs.get(i).id());
            }
            ids.add("not in the index");
            Selection selection = Selection.ofIds(searcher.snapshot(), ids);
            assertSelected(searcher, selection, ids, keepEvery);
          }
        });
  }

  private void assertSelected(
      Searcher searcher, Selection selection, Set<String> ids, int keepEvery) {
    int right = 0;
    int all = 0;
    for (Matrix query : queries()) {
      List<Found> exact =
          found(searcher.search(query, SearchOptions.exhaustive(500))).stream()
              .filter(f -> ids.contains(f.id()))
              .limit(10)
              .toList();
      assertEquals(exact, found(searcher.search(query, SearchOptions.exhaustive(10), selection)));
      List<Found> found = found(searcher.search(query, SearchOptions.top(10), selection));
      assertTrue(found.stream().allMatch(f -> ids.contains(f.id())));
      assertEquals(
          found,
          found(searcher.searchAll(List.of(query), SearchOptions.top(10), selection).getFirst()));
      right += (int) exact.stream().filter(found::contains).count();
      all += exact.size();
    }
    assertTrue(right >= 0.95 * all, right + " of " + all + " at one in " + keepEvery);
  }

  /** A kind of documents that is far from the query: the lists that are probed hold none. */
  @Test
  void aSelectionFarFromTheQuery() {
    List<Doc> near = TestIndex.docs(6, 400, DIM, 1);
    SplittableRandom random = new SplittableRandom(8);
    List<Doc> all = new ArrayList<>(near);
    for (int i = 0; i < 400; i++) {
      all.add(new Doc("far-" + i, List.<float[][]>of(TestIndex.rows(random, 6, DIM, null))));
    }
    TestIndex.write(directory, IndexOptions.of(DIM, 4), all);
    search(
        directory,
        searcher -> {
          Selection far = Selection.of(searcher.snapshot(), _ -> document -> document >= 400);
          assertEquals(400, far.passages());
          int right = 0;
          for (Matrix query : queries()) {
            SearchOptions narrow =
                SearchOptions.of(
                    5, new SearchSettings(1, Float.NEGATIVE_INFINITY, 40, 30, "given"));
            List<Found> exact = found(searcher.search(query, SearchOptions.exhaustive(5), far));
            assertEquals(5, searcher.search(query, narrow, far).size());
            List<Found> found = found(searcher.search(query, SearchOptions.top(5), far));
            right += (int) exact.stream().filter(found::contains).count();
          }
          assertTrue(right >= 35, right + " of 50, not calibrated");
        });
  }

  private record Found(String id, float score) {}

  private static List<Found> found(List<Hit> hits) {
    return hits.stream().map(hit -> new Found(hit.id(), hit.score())).toList();
  }

  private static Set<String> ids(List<Doc> docs) {
    Set<String> ids = new HashSet<>();
    docs.forEach(doc -> ids.add(doc.id()));
    return ids;
  }

  private static void delete(Path index, Set<String> ids) {
    try (IndexDirectory writer = IndexDirectory.open(index);
        Snapshot snapshot = Snapshot.open(index);
        Deletions deletions = new Deletions(snapshot)) {
      for (String id : ids) {
        assertTrue(deletions.survives(id));
        assertTrue(deletions.add(id), id);
        assertFalse(deletions.add(id), "twice");
      }
      writer.commit(snapshot.manifest().withSegments(deletions.write(writer)));
    }
  }

  private List<Matrix> queries() {
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    return LongStream.range(0, 10)
        .mapToObj(s -> TestIndex.rows(new SplittableRandom(s), 5 + (int) s % 7, DIM, centers))
        .map(rows -> Matrix.of(arena, rows))
        .toList();
  }

  private static void search(Path index, Consumer<Searcher> test) {
    try (Backend backend = Contenders.best(2);
        Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, backend)) {
      test.accept(searcher);
    }
  }
}
