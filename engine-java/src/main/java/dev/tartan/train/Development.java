package dev.tartan.train;

import dev.tartan.collection.Measure;
import dev.tartan.collection.Metrics;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Query;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
import dev.tartan.encode.model.Torch;
import dev.tartan.memory.Progress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;

/**
 * What a run measures its progress by: every development query scores every development passage,
 * uncompressed.
 *
 * @param queries all with a relevant document
 * @param qrels their judgements
 * @param passages id to text, in a fixed order
 */
public record Development(List<Query> queries, Qrels qrels, Map<String, String> passages) {
  private static final int QUERIES = 64;
  private static final int PASSAGES = 16;
  private static final int DEPTH = 10;

  /**
   * Mean nDCG@10.
   *
   * @param rows safe for concurrent use
   * @param threads to work with; the result does not depend on them
   * @param progress told of the passages
   */
  double ndcg(TextRows rows, int threads, Progress progress) {
    float[][] scores = new float[queries.size()][passages.size()];
    List<String> texts = List.copyOf(passages.values());
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      List<Rows> blocks = new ArrayList<>();
      for (int q = 0; q < queries.size(); q += QUERIES) {
        List<Query> block = queries.subList(q, Math.min(queries.size(), q + QUERIES));
        blocks.add(rows.queries(block.stream().map(Query::text).toList()));
      }
      Parallel.forEach(
          Math.ceilDiv(texts.size(), PASSAGES),
          threads,
          block -> {
            int first = block * PASSAGES;
            int end = Math.min(texts.size(), first + PASSAGES);
            try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
              score(blocks, rows.passages(texts.subList(first, end)), first, scores);
            }
          },
          block -> progress.advance(Math.min(PASSAGES, texts.size() - block * PASSAGES)));
    }
    return measure(scores);
  }

  private static void score(List<Rows> queries, Rows passages, int first, float[][] scores) {
    int query = 0;
    for (Rows block : queries) {
      float[] values = Torch.toArray(Distillation.everyScore(block, passages));
      for (int q = 0; q < block.texts(); q++) {
        System.arraycopy(values, q * passages.texts(), scores[query++], first, passages.texts());
      }
    }
  }

  private double measure(float[][] scores) {
    List<String> ids = List.copyOf(passages.keySet());
    Map<String, List<Ranked>> rankings = new HashMap<>();
    for (int q = 0; q < scores.length; q++) {
      float[] row = scores[q];
      rankings.put(
          queries.get(q).id(),
          IntStream.range(0, row.length)
              .boxed()
              .sorted((a, b) -> Float.compare(row[b], row[a]))
              .limit(DEPTH)
              .map(p -> new Ranked(ids.get(p), row[p]))
              .toList());
    }
    return Metrics.of(qrels, Run.of(rankings)).mean(Measure.NDCG_AT_10);
  }
}
