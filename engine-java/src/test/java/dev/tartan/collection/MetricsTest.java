package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final double EXACT = 1e-12;

  @Test
  void handComputed() {
    // graded: x n y n z with grades 1, -, 3, -, 2, and w (1) not found
    Map<String, Integer> grades = Map.of("x", 1, "y", 3, "z", 2, "w", 1, "bad", -2, "none", 0);
    List<Ranked> ranking = ranking("x", "bad", "y", "none", "z");
    // DCG = 1/log2(2) + 3/log2(4) + 2/log2(6) = 1 + 1.5 + 0.7737056144690831
    // ideal = 3/log2(2) + 2/log2(3) + 1/log2(4) + 1/log2(5)
    //       = 3 + 1.2618595071429148 + 0.5 + 0.43067655807339306
    assertEquals(3.273705614469 / 5.192536065216, Measure.NDCG_AT_10.of(ranking, grades), EXACT);
    assertEquals(1, Measure.MRR_AT_10.of(ranking, grades), EXACT);
    assertEquals(0.75, Measure.RECALL_AT_100.of(ranking, grades), EXACT);
    assertEquals(1, Measure.SUCCESS_AT_5.of(ranking, grades), EXACT);
  }

  @Test
  void cutsAtTheirDepths() {
    assertAtRank(5, 1, 0.2, 1 / 2.584962500721156);
    assertAtRank(6, 0, 1 / 6.0, 1 / 2.807354922057604);
    assertAtRank(10, 0, 0.1, 1 / 3.4594316186372973);
    assertAtRank(11, 0, 0, 0);
    assertEquals(1, atRank(Measure.RECALL_AT_100, 100), EXACT);
    assertEquals(0, atRank(Measure.RECALL_AT_100, 101), EXACT);
    assertEquals(1, atRank(Measure.RECALL_AT_1000, 1000), EXACT);
    assertEquals(0, atRank(Measure.RECALL_AT_1000, 1001), EXACT);
  }

  @Test
  void idealIsCutAtTenToo() {
    // Twelve relevant documents, ten of them on top: nothing better fits into ten places.
    Map<String, Integer> grades =
        IntStream.range(0, 12)
            .boxed()
            .collect(java.util.stream.Collectors.toMap(i -> "d" + i, i -> 1));
    List<Ranked> ranking = IntStream.range(0, 10).mapToObj(i -> new Ranked("d" + i, -i)).toList();
    assertEquals(1, Measure.NDCG_AT_10.of(ranking, grades), EXACT);
    assertEquals(10 / 12.0, Measure.RECALL_AT_100.of(ranking, grades), EXACT);
  }

  @Test
  void averagesOverQueriesWithARelevantDocument() {
    Qrels qrels =
        Qrels.of(
            Map.of(
                "found", Map.of("a", 1, "b", 1),
                "missing", Map.of("a", 1),
                "second", Map.of("c", 2),
                "unjudgeable", Map.of("a", 0)));
    Run run =
        Run.of(
            Map.of(
                "found", ranking("a"),
                "second", ranking("a", "c"),
                "unjudgeable", ranking("a"),
                "unknown", ranking("a")));
    Metrics metrics = Metrics.of(qrels, run);
    assertEquals(3, metrics.judgedQueries());
    assertEquals(1, metrics.missingQueries());
    assertEquals(
        Map.of("found", 1.0, "missing", 0.0, "second", 0.5), metrics.perQuery(Measure.MRR_AT_10));
    assertEquals(1.5 / 3, metrics.mean(Measure.MRR_AT_10), EXACT);
    assertEquals(1.5 / 3, metrics.mean(Measure.RECALL_AT_100), EXACT);
    assertEquals(1.5 / 3, metrics.mean(Measure.RECALL_AT_1000), EXACT);
    assertEquals(2 / 3.0, metrics.mean(Measure.SUCCESS_AT_5), EXACT);
    // found: 1 / (1 + 1/log2(3)); second: (2/log2(3)) / 2
    assertEquals(
        (1 / 1.630929753571 + 0.6309297535714574) / 3, metrics.mean(Measure.NDCG_AT_10), EXACT);
  }

  @Test
  void nothingRelevant() {
    Qrels qrels = Qrels.of(Map.of("q", Map.of("a", 0)));
    new TextFiles(Path.of("none"))
        .assertFails(
            "the judgements hold no relevant document (a grade of 1 or more), so nothing can be"
                + " measured; give other qrels",
            () -> Metrics.of(qrels, Run.of(Map.of("q", ranking("a")))));
  }

  @Test
  void labels() {
    assertEquals(
        List.of("nDCG@10", "MRR@10", "Recall@100", "Recall@1000", "Success@5"),
        java.util.Arrays.stream(Measure.values()).map(Measure::label).toList());
  }

  private static void assertAtRank(int rank, double success, double mrr, double ndcg) {
    assertEquals(success, atRank(Measure.SUCCESS_AT_5, rank), EXACT);
    assertEquals(mrr, atRank(Measure.MRR_AT_10, rank), EXACT);
    assertEquals(ndcg, atRank(Measure.NDCG_AT_10, rank), EXACT);
  }

  private static double atRank(Measure measure, int rank) {
    List<Ranked> ranking =
        IntStream.rangeClosed(1, rank)
            .mapToObj(i -> new Ranked(i == rank ? "relevant" : "other" + i, -i))
            .toList();
    return measure.of(ranking, Map.of("relevant", 1));
  }

  private static List<Ranked> ranking(String... ids) {
    return IntStream.range(0, ids.length).mapToObj(i -> new Ranked(ids[i], -i)).toList();
  }
}
