package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The segments of an index on several devices; the driver of the tests has two. */
class CudaDevicesTest {
  private static final int DIM = 32;
  private static final int K = 10;
  private static final float BOUND = 2e-3f; // of a score: where float16 rounds

  private static final List<SearchOptions> WAYS =
      List.of(
          SearchOptions.top(K),
          SearchOptions.exhaustive(K),
          SearchOptions.of(K, new SearchSettings(2, 0.3f, 60, 15, "given")));

  @TempDir Path directory;

  @Test
  void theSameHits() {
    for (int nbits : new int[] {2, 16}) {
      Path index = index(nbits, 40, 70, 30);
      try (Backend two = devices("0,1");
          Backend one = devices("1");
          Backend processor = Contenders.best(2);
          Snapshot snapshot = Snapshot.open(index);
          Arena arena = Arena.ofShared();
          Searcher spread = new Searcher(snapshot, two);
          Searcher alone = new Searcher(snapshot, one);
          Searcher right = new Searcher(snapshot, processor)) {
        List<Matrix> queries = queries(3, arena);
        for (SearchOptions way : WAYS) {
          List<List<Hit>> expected = alone.searchAll(queries, way);
          List<List<Hit>> found = spread.searchAll(queries, way);
          assertEquals(found.getFirst(), spread.search(queries.getFirst(), way));
          if (way.exhaustive()) {
            assertEquals(expected, found);
          }
          for (int q = 0; q < queries.size(); q++) {
            assertSameScores(right.search(queries.get(q), way), expected.get(q));
            assertNoWorse(expected.get(q), found.get(q));
          }
        }
        assertTrue(
            spread.searchAll(queries, SearchOptions.exhaustive(60)).stream()
                .allMatch(hits -> hits.stream().map(Hit::segment).distinct().count() == 3));
      }
    }
  }

  /** Each device cuts its own candidates alone, so that two keep more than one. */
  private static void assertNoWorse(List<Hit> one, List<Hit> two) {
    for (int i = 0; i < one.size(); i++) {
      assertTrue(two.get(i).score() >= one.get(i).score(), "rank " + i);
    }
  }

  /** The largest segment on one device, the two others on the other; a single one on one. */
  @Test
  void segmentsAreSpread() {
    Path three = index(2, 40, 70, 30);
    Path single = directory.resolve("single");
    TestIndex.write(single, IndexOptions.of(DIM, 2), TestIndex.docs(5, 40, DIM, 2));
    try (Backend two = devices("0,1")) {
      assertEquals(List.of(List.of(1), List.of(0, 2)), spread(three, two));
      assertEquals(List.of(List.of(0)), spread(single, two));
    }
  }

  /** The numbers of the segments of each device that has any; and that it alone gives memory. */
  private static List<List<Integer>> spread(Path index, Backend backend) {
    List<Backend> places = backend.places();
    long[] before = places.stream().mapToLong(Backend::freeBytes).toArray();
    try (Snapshot snapshot = Snapshot.open(index)) {
      List<Shard> shards = Shard.of(snapshot, backend);
      for (int p = 0; p < places.size(); p++) {
        long taken = before[p] - places.get(p).freeBytes();
        assertEquals(p < shards.size(), taken > 0, "device " + p);
      }
      shards.forEach(Shard::close);
      return shards.stream()
          .map(shard -> shard.segments.stream().map(SegmentTables::number).toList())
          .toList();
    }
  }

  @Test
  void calibrationMeasuresTheSame() {
    Path index = index(2, 20, 30, 10);
    try (Arena arena = Arena.ofShared();
        Backend two = devices("0,1");
        Backend processor = Contenders.best(2)) {
      List<Matrix> queries = queries(4, arena);
      List<Integer> ks = List.of(5);
      assertEquals(
          Calibration.calibrate(index, queries, ks, processor, Progress.NONE).search(),
          Calibration.calibrate(index, queries, ks, two, Progress.NONE).search());
    }
  }

  private static Backend devices(String numbers) {
    try (Backend all = Contenders.cuda(false)) {
      assumeTrue(all.places().size() >= 2, "this machine has one device");
    }
    return Contenders.cuda(Map.of("tartan.cuda.devices", numbers), notice -> {});
  }

  private Path index(int nbits, int... docs) {
    Path index = directory.resolve("index" + nbits);
    TestIndex.write(index, IndexOptions.of(DIM, nbits), TestIndex.docs(nbits, docs[0], DIM, 2));
    for (int s = 1; s < docs.length; s++) {
      TestIndex.add(index, TestIndex.docs(nbits + 100 * s, docs[s], DIM, 2));
    }
    return index;
  }

  private static List<Matrix> queries(int n, Arena arena) {
    float[][] centers = TestIndex.rows(new SplittableRandom(99), 20, DIM, null);
    return LongStream.range(0, n)
        .mapToObj(seed -> TestIndex.rows(new SplittableRandom(seed), 5, DIM, centers))
        .map(rows -> Matrix.of(arena, rows))
        .toList();
  }

  private static void assertSameScores(List<Hit> expected, List<Hit> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      float score = expected.get(i).score();
      assertEquals(score, actual.get(i).score(), BOUND * score);
    }
  }
}
