package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest.SearchEntry;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Ranks counted by hand, points of a curve, and which of them a search takes. */
class RecallGridTest {
  private static final List<SearchEntry> CURVES =
      List.of(
          new SearchEntry(10, 0.9, 4, 64, 12),
          new SearchEntry(10, 0.97, 8, 128, 30),
          new SearchEntry(100, 0.95, 16, 500, 150));

  @Test
  void aRankIsNeverTooGoodAndHardlyTooBad() {
    SplittableRandom random = new SplittableRandom(3);
    float[] scores = new float[3000];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = i == 7 ? Float.NEGATIVE_INFINITY : (float) random.nextGaussian();
    }
    int[] buckets = RankCounter.buckets(new float[][] {scores})[0];
    RankCounter counter = new RankCounter();
    counter.add(1); // forgotten
    counter.clear();
    for (int n = 0; n < 1000; n++) {
      counter.add(buckets[n]);
    }
    for (int i = 0; i < 1000; i++) {
      int right = 0;
      for (int n = 0; n < 1000; n++) {
        right += scores[n] >= scores[i] ? 1 : 0;
      }
      int rank = counter.rank(buckets[i]);
      assertTrue(rank >= right && rank <= right + 3, rank + " for " + right);
    }
  }

  @Test
  void scoresThatAreAllEqualOrMissing() {
    for (float score : new float[] {2, Float.NEGATIVE_INFINITY}) {
      for (int bucket : RankCounter.buckets(new float[][] {{score, score}})[0]) {
        assertTrue(bucket >= 1 && bucket <= 1 << 16, "bucket " + bucket);
      }
    }
  }

  @Test
  void aPointPromisesNoMoreThanTheMeanLessItsError() {
    RecallGrid grid = new RecallGrid(10, new int[] {1}, new int[] {64}, 10, 1000);
    grid.begin(2);
    for (int query = 0; query < 2; query++) {
      for (int i = 0; i < 10 - 2 * query; i++) {
        grid.found(query, 0, 0, i + 1);
      }
      grid.end(query, 10);
    }
    // recall 1 and 0.8: mean 0.9, deviation 0.1, of two queries
    List<SearchEntry> curve = grid.curve((p, ndocs, scored, keep) -> scored);
    assertEquals(0.9 - 0.1 / Math.sqrt(2), curve.getLast().recall(), 1e-12);
    assertEquals(10, curve.getLast().scored());
  }

  @Test
  void theCheapestSettingsAreTaken() {
    RecallGrid grid = new RecallGrid(10, new int[] {1, 2}, new int[] {20, 40}, 10, 1000);
    grid.begin(1);
    for (int p = 0; p < 2; p++) {
      for (int d = 0; d < 2; d++) {
        for (int i = 0; i < 10; i++) {
          grid.found(0, p, d, p == 0 ? 30 + i : 5 + i); // with more probes ranks are better
        }
      }
    }
    grid.end(0, 10);
    SearchEntry cheap = grid.curve((p, ndocs, scored, keep) -> scored + 2 * p).getLast();
    assertEquals(List.of(2, 20), List.of(cheap.nprobe(), cheap.ndocs()));
    SearchEntry dearProbes = grid.curve((p, ndocs, scored, keep) -> scored + 1000 * p).getLast();
    assertEquals(List.of(1, 40), List.of(dearProbes.nprobe(), dearProbes.ndocs()));
    assertTrue(dearProbes.recall() <= 0.9, "ten passages cannot show more");
  }

  @Test
  void aSearchTakesTheCheapestPointThatReachesItsRecall() {
    assertEquals(4, SearchSettings.forRecall(CURVES, 10, 0.5).nprobe());
    assertEquals(4, SearchSettings.forRecall(CURVES, 3, 0.9).nprobe());
    assertEquals(8, SearchSettings.forRecall(CURVES, 10, 0.91).nprobe());
    assertEquals(150, SearchSettings.forRecall(CURVES, 11, 0.95).scored());
    SearchSettings more = SearchSettings.forRecall(CURVES, 250, 0.9);
    assertEquals(List.of(16, 1250, 375), List.of(more.nprobe(), more.ndocs(), more.scored()));
    SearchSettings most = SearchSettings.forRecall(CURVES, Integer.MAX_VALUE, 0.9);
    assertEquals(Integer.MAX_VALUE, most.scored());
    assertFalse(most.exhaustive());
  }

  @Test
  void aRecallBeyondTheCurveScoresEveryPassageAndSaysWhy() {
    SearchSettings settings = SearchSettings.forRecall(CURVES, 10, 0.99);
    assertTrue(settings.exhaustive());
    assertTrue(settings.toString().contains("beyond the 0.9700 measured"), settings.toString());
    assertTrue(SearchSettings.forRecall(List.of(), 10, 0.99).origin().contains("tartan tune"));
  }

  @Test
  void recallsThatCannotBeAsked() {
    for (double recall : new double[] {0, -1, 1.000_001, Double.NaN, Double.POSITIVE_INFINITY}) {
      TartanException e = assertThrows(TartanException.class, () -> SearchOptions.top(10, recall));
      assertTrue(String.valueOf(e.getMessage()).startsWith("recall is "), e.getMessage());
    }
  }
}
