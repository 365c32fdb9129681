package dev.tartan.jmh.scale;

import dev.tartan.codec.CodecTrainer;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.SearchSettings;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Measures of a collection and its queries that decide how PLAID fares on it. */
final class Likeness {
  private static final int[] PROBES = {1, 2, 4};
  private static final int[] NDOCS = {256, 1024, 4096};
  private static final int[] RANKS = {1, 10, 100, 1000};

  private final Passages passages;
  private final List<Matrix> queries;
  private final Backend backend;
  private final Map<String, Double> measures = new LinkedHashMap<>();

  private Likeness(Passages passages, List<Matrix> queries, Backend backend) {
    this.passages = passages;
    this.queries = queries;
    this.backend = backend;
  }

  /**
   * Measures by name, in the order in which they are to be shown.
   *
   * @param folder where an index of the passages is made
   */
  static Map<String, Double> of(
      Passages passages, List<Matrix> queries, Backend backend, Path folder) {
    Likeness likeness = new Likeness(passages, queries, backend);
    likeness.clusters();
    likeness.search(folder);
    return likeness.measures;
  }

  private void clusters() {
    int dim = passages.dim();
    int count = CodecTrainer.defaultCentroids(passages.tokens());
    measures.put("tokens a passage", (double) passages.tokens() / passages.passages());
    measures.put("query rows", queries.stream().mapToLong(Matrix::rows).average().orElse(0));
    float[] centroids = Clustering.train(passages.rows(), dim, count, backend);
    int[] codes = Clustering.codes(passages.rows(), dim, centroids, backend);
    double[] norms = new double[codes.length];
    for (int t = 0; t < codes.length; t++) {
      float dot = Vectors.dot(passages.rows(), t * dim, centroids, codes[t] * dim, dim);
      norms[t] = Math.sqrt(Math.max(0, 2 - 2 * dot));
    }
    putSpread("residual norm", norms);
    double mean = Arrays.stream(norms).average().orElse(0);
    double square = Arrays.stream(norms).map(n -> (n - mean) * (n - mean)).average().orElse(0);
    measures.put("residual norm, sd", Math.sqrt(square));
    BitSet[] lists = lists(codes, count);
    double[] lengths = Arrays.stream(lists).mapToDouble(BitSet::cardinality).toArray();
    measures.put("distinct codes a passage", Arrays.stream(lengths).sum() / passages.passages());
    putSpread("list length", lengths);
    measures.put(
        "list length, longest, % of passages",
        100 * Arrays.stream(lengths).max().orElse(0) / passages.passages());
    candidates(centroids, lists);
  }

  private void putSpread(String name, double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    measures.put(name + ", mean", Arrays.stream(values).average().orElse(0));
    for (int percent : new int[] {10, 50, 90, 99}) {
      measures.put(name + ", p" + percent, sorted[(sorted.length - 1) * percent / 100]);
    }
  }

  /** The passages of each centroid. */
  private BitSet[] lists(int[] codes, int count) {
    BitSet[] lists = new BitSet[count];
    Arrays.setAll(lists, c -> new BitSet());
    for (int p = 0; p < passages.passages(); p++) {
      for (int t = passages.offsets()[p]; t < passages.offsets()[p + 1]; t++) {
        lists[codes[t]].set(p);
      }
    }
    return lists;
  }

  private void candidates(float[] centroids, BitSet[] lists) {
    double[] sums = new double[PROBES.length];
    for (Matrix query : queries) {
      float[] rows = Vectors.floats(query);
      BitSet[] found = new BitSet[PROBES.length];
      Arrays.setAll(found, i -> new BitSet());
      for (int r = 0; r < query.rows(); r++) {
        int[] best = best(rows, r, centroids);
        for (int i = 0; i < PROBES.length; i++) {
          for (int probe = 0; probe < PROBES[i]; probe++) {
            found[i].or(lists[best[probe]]);
          }
        }
      }
      for (int i = 0; i < PROBES.length; i++) {
        sums[i] += found[i].cardinality();
      }
    }
    for (int i = 0; i < PROBES.length; i++) {
      measures.put(
          "candidates at nprobe " + PROBES[i] + ", % of passages",
          100 * sums[i] / queries.size() / passages.passages());
    }
  }

  /** The centroids nearest to a row, best first, as many as are probed at most. */
  private int[] best(float[] rows, int row, float[] centroids) {
    int dim = passages.dim();
    int[] best = new int[PROBES[PROBES.length - 1]];
    float[] scores = new float[best.length];
    Arrays.fill(scores, Float.NEGATIVE_INFINITY);
    for (int c = 0; c < centroids.length / dim; c++) {
      float score = Vectors.dot(rows, row * dim, centroids, c * dim, dim);
      int at = best.length;
      for (; at > 0 && score > scores[at - 1]; at--) {
        if (at < best.length) {
          scores[at] = scores[at - 1];
          best[at] = best[at - 1];
        }
      }
      if (at < best.length) {
        scores[at] = score;
        best[at] = c;
      }
    }
    return best;
  }

  private void search(Path folder) {
    IndexOptions options = IndexOptions.of(passages.dim(), 2);
    try (IndexWriter writer = new IndexWriter(folder, options, backend, Progress.NONE)) {
      writer.commit(passages, null);
    }
    try (Snapshot snapshot = Snapshot.open(folder);
        Searcher searcher = new Searcher(snapshot, backend)) {
      int deepest = Math.min(RANKS[RANKS.length - 1], passages.passages());
      List<List<Hit>> exact = searcher.searchAll(queries, SearchOptions.exhaustive(deepest));
      for (int i = 0; i < PROBES.length; i++) {
        SearchSettings given =
            new SearchSettings(PROBES[i], Float.NEGATIVE_INFINITY, NDOCS[i], NDOCS[i] / 4, "given");
        SearchOptions fixed = SearchOptions.of(10, given);
        measures.put(
            "recall@10 at nprobe %d, ndocs %d".formatted(PROBES[i], NDOCS[i]),
            Recall.of(searcher.searchAll(queries, fixed), exact, 10));
      }
      scores(exact, deepest);
    }
  }

  /** Scores a query row at some ranks. */
  private void scores(List<List<Hit>> exact, int deepest) {
    for (int i = 0; i < RANKS.length && RANKS[i] <= deepest; i++) {
      int rank = RANKS[i];
      measures.put("score a row, rank " + rank, mean(exact, rank));
      if (i > 0) {
        measures.put(
            "score a row, rank %d less rank %d".formatted(RANKS[i - 1], rank),
            mean(exact, RANKS[i - 1]) - mean(exact, rank));
      }
    }
  }

  private double mean(List<List<Hit>> exact, int rank) {
    return IntStream.range(0, queries.size())
        .mapToDouble(q -> exact.get(q).get(rank - 1).score() / queries.get(q).rows())
        .average()
        .orElse(0);
  }
}
