package dev.tartan.train;

import dev.tartan.encode.model.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The loss of ColBERTv2 (2112.01488, section 3.2): how far the MaxSim scores of a query's passages
 * are from a teacher's. Tensors belong to the pointer scope of the caller.
 *
 * @param nway passages of each query
 * @param temperature the teacher's scores are divided by it: above 1 it asks for less contrast
 * @param inBatch whether the first passage of each query shall also stand out from the passages of
 *     all other queries
 */
public record Distillation(int nway, double temperature, boolean inBatch) {

  /**
   * One evaluation.
   *
   * @param scores the student's, [queries, nway]
   * @param ranking the divergence from the teacher; without one the cross-entropy of the first
   *     passage
   * @param batch the cross-entropy against the passages of other queries; null if not asked for
   */
  record Loss(Tensor scores, Tensor ranking, @Nullable Tensor batch) {
    Tensor total() {
      return batch == null ? ranking : ranking.add(batch);
    }
  }

  /**
   * Compares.
   *
   * @param queries the query embeddings
   * @param passages those of the passages, {@code nway} for each query, its positive first
   * @param teacher scores [queries * nway], or null
   */
  Loss loss(Rows queries, Rows passages, float @Nullable [] teacher) {
    Tensor scores;
    Tensor batch = null;
    if (inBatch) {
      Tensor all = everyScore(queries, passages);
      batch =
          torch.cross_entropy_loss(all.add(othersOwn(queries.texts())), firsts(queries.texts()));
      scores = own(all);
    } else {
      scores = ownScores(queries, passages);
    }
    return new Loss(scores, ranking(scores, teacher), batch);
  }

  /** KL(teacher || student), averaged over queries ({@code batchmean}). */
  private Tensor ranking(Tensor scores, float @Nullable [] teacher) {
    long queries = scores.size(0);
    if (teacher == null) {
      return torch.cross_entropy_loss(scores, torch.zeros(new long[] {queries}, longs()));
    }
    Tensor target =
        torch.log_softmax(Torch.floats(teacher, queries, nway).div(new Scalar(temperature)), 1);
    Tensor student = torch.log_softmax(scores, 1);
    return target.exp().mul(target.sub(student)).sum().div(new Scalar((double) queries));
  }

  private static org.bytedeco.pytorch.TensorOptions longs() {
    return new org.bytedeco.pytorch.TensorOptions(ScalarType.Long);
  }

  /** MaxSim of each query with its own passages, [queries, nway]. */
  private Tensor ownScores(Rows queries, Rows passages) {
    long n = queries.texts();
    long longest = passages.longest();
    long dim = passages.values().size(1);
    Tensor similarities =
        torch
            .bmm(passages.padded().view(n, nway * longest, dim), queries.padded().transpose(1, 2))
            .view(n, nway, longest, queries.longest());
    Tensor masked = similarities.add(passages.mask().view(n, nway, longest, 1));
    return masked.max(2).get0().sum(new long[] {2});
  }

  /** MaxSim of every query with every passage, [queries, passages]. */
  static Tensor everyScore(Rows queries, Rows passages) {
    long dim = passages.values().size(1);
    Tensor columns = queries.padded().view(queries.texts() * (long) queries.longest(), dim).t();
    Tensor similarities =
        torch
            .matmul(
                passages.padded().view(passages.texts() * (long) passages.longest(), dim), columns)
            .view(passages.texts(), passages.longest(), columns.size(1));
    Tensor best = similarities.add(passages.mask().unsqueeze(2)).max(1).get0();
    return best.view(passages.texts(), queries.texts(), queries.longest()).sum(new long[] {2}).t();
  }

  /** The blocks of {@code all} in which a query meets its own passages, [queries, nway]. */
  private Tensor own(Tensor all) {
    int queries = (int) all.size(0);
    long[] places = new long[queries * nway];
    for (int q = 0; q < queries; q++) {
      for (int p = 0; p < nway; p++) {
        places[q * nway + p] = (long) q * queries * nway + (long) q * nway + p;
      }
    }
    return all.reshape(-1).index_select(0, Torch.longs(places, places.length)).view(queries, nway);
  }

  /** Takes each query's passages behind the first out of its contest with the others'. */
  private Tensor othersOwn(int queries) {
    float[] mask = new float[queries * queries * nway];
    for (int q = 0; q < queries; q++) {
      int own = q * queries * nway + q * nway;
      java.util.Arrays.fill(mask, own + 1, own + nway, Float.NEGATIVE_INFINITY);
    }
    return Torch.floats(mask, queries, (long) queries * nway);
  }

  private Tensor firsts(int queries) {
    long[] labels = new long[queries];
    for (int q = 0; q < queries; q++) {
      labels[q] = (long) q * nway;
    }
    return Torch.longs(labels, queries);
  }
}
