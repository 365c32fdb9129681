package dev.tartan.jmh.scale;

import dev.tartan.compute.Backend;
import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Fits a {@link CorpusModel} to real passages. The types of one half of the passages are those that
 * the tokens of the other half are coded by: a token that helped to make a type would lie nearer to
 * it than any new token does.
 */
final class CorpusFit {
  private static final int MAX_TYPES = 8192; // of one half
  private static final int TOKENS_A_TYPE = 14;
  private static final int PASSAGES_A_TOPIC = 16;

  /** Templates a query is scored against exactly, the best by their types. */
  private static final int RESCORED = 200;

  private final Passages passages;
  private final Backend backend;
  private final int dim;
  private final int[] codes;
  private final float[] residuals;

  private CorpusFit(Passages passages, Backend backend) {
    this.passages = passages;
    this.backend = backend;
    this.dim = passages.dim();
    this.codes = new int[(int) passages.tokens()];
    this.residuals = passages.rows().clone();
  }

  /**
   * Fits a model.
   *
   * @param passages at least two, each with a token
   * @param queries rows of each query, [rows, dim]
   * @throws TartanException if there are fewer passages, or no queries of their dim
   */
  static CorpusModel fit(Passages passages, List<float[]> queries, Backend backend) {
    if (passages.passages() < 2) {
      throw new TartanException(passages.name() + " has fewer than 2 passages; more are needed");
    }
    List<float[]> asked = queries.stream().filter(q -> q.length > 0).toList();
    if (asked.isEmpty() || asked.getFirst().length % passages.dim() != 0) {
      throw new TartanException(
          "the queries have no rows of dim %d, which %s has"
              .formatted(passages.dim(), passages.name()));
    }
    return new CorpusFit(passages, backend).model(asked);
  }

  private CorpusModel model(List<float[]> queries) {
    float[] types = types();
    for (int t = 0; t < codes.length; t++) {
      Vectors.add(residuals, t * dim, -1, types, codes[t] * dim, dim);
    }
    float[] means = takeMeans();
    float[] spreads = new float[codes.length];
    for (int t = 0; t < codes.length; t++) {
      spreads[t] = Vectors.normalize(residuals, t * dim, dim);
    }
    int[] doclens = IntStream.range(0, passages.passages()).map(passages::doclen).toArray();
    return new CorpusModel(
        dim,
        types,
        factor(),
        doclens,
        topics(),
        means,
        codes,
        spreads,
        signs(),
        relate(queries, types));
  }

  /** The types of both halves, one after the other; fills in the codes. */
  private float[] types() {
    float[][] types = new float[2][];
    for (int half = 0; half < 2; half++) {
      float[] rows = rows(half);
      int count = Math.clamp(rows.length / dim / TOKENS_A_TYPE, 1, MAX_TYPES);
      types[half] = Clustering.train(rows, dim, count, backend);
    }
    for (int half = 0; half < 2; half++) {
      int[] coded = Clustering.codes(rows(half), dim, types[1 - half], backend);
      int shift = half == 0 ? types[0].length / dim : 0;
      int next = 0;
      for (int p = half; p < passages.passages(); p += 2) {
        for (int t = passages.offsets()[p]; t < passages.offsets()[p + 1]; t++) {
          codes[t] = coded[next++] + shift;
        }
      }
    }
    float[] all = Arrays.copyOf(types[0], types[0].length + types[1].length);
    System.arraycopy(types[1], 0, all, types[0].length, types[1].length);
    return all;
  }

  /** The tokens of every other passage, from {@code half} on. */
  private float[] rows(int half) {
    int tokens = 0;
    for (int p = half; p < passages.passages(); p += 2) {
      tokens += passages.doclen(p);
    }
    float[] rows = new float[tokens * dim];
    int at = 0;
    for (int p = half; p < passages.passages(); p += 2) {
      int length = passages.doclen(p) * dim;
      System.arraycopy(passages.rows(), passages.offsets()[p] * dim, rows, at, length);
      at += length;
    }
    return rows;
  }

  /** The mean residual of each passage, which is taken from its residuals. */
  private float[] takeMeans() {
    float[] means = new float[passages.passages() * dim];
    for (int p = 0; p < passages.passages(); p++) {
      int from = passages.offsets()[p];
      int to = passages.offsets()[p + 1];
      // As if of three tokens more, at zero: the mean of a short passage is mostly chance.
      float share = 1f / (to - from + 3);
      for (int t = from; t < to; t++) {
        Vectors.add(means, p * dim, share, residuals, t * dim, dim);
      }
      for (int t = from; t < to; t++) {
        Vectors.add(residuals, t * dim, -1, means, p * dim, dim);
      }
    }
    return means;
  }

  private int[] signs() {
    int words = CorpusModel.signWords(dim);
    int[] signs = new int[codes.length * words];
    for (int t = 0; t < codes.length; t++) {
      for (int d = 0; d < dim; d++) {
        if (residuals[t * dim + d] > 0) {
          signs[t * words + d / 32] |= 1 << d % 32;
        }
      }
    }
    return signs;
  }

  /** Cholesky factor of the covariance of the residuals' directions. */
  private float[] factor() {
    double[] covariance = new double[dim * dim];
    float[] part = new float[dim * dim];
    for (int t = 0; t < codes.length; t++) {
      for (int d = 0; d < dim; d++) {
        Vectors.add(part, d * dim, residuals[t * dim + d], residuals, t * dim, dim);
      }
      if (t % 4096 == 4095 || t == codes.length - 1) { // float sums stay short
        for (int i = 0; i < part.length; i++) {
          covariance[i] += part[i];
        }
        Arrays.fill(part, 0);
      }
    }
    return cholesky(covariance);
  }

  private float[] cholesky(double[] covariance) {
    double trace = IntStream.range(0, dim).mapToDouble(d -> covariance[d * dim + d]).sum();
    double[] factor = new double[dim * dim];
    for (int r = 0; r < dim; r++) {
      for (int c = 0; c <= r; c++) {
        double sum = covariance[r * dim + c] / trace + (r == c ? 1e-7 : 0);
        for (int d = 0; d < c; d++) {
          sum -= factor[r * dim + d] * factor[c * dim + d];
        }
        factor[r * dim + c] = r == c ? Math.sqrt(Math.max(sum, 1e-12)) : sum / factor[c * dim + c];
      }
    }
    float[] result = new float[dim * dim];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) factor[i];
    }
    return result;
  }

  /** Clusters of passages by the directions of their mean tokens. */
  private int[] topics() {
    float[] centers = new float[passages.passages() * dim];
    for (int p = 0; p < passages.passages(); p++) {
      for (int t = passages.offsets()[p]; t < passages.offsets()[p + 1]; t++) {
        Vectors.add(centers, p * dim, 1, passages.rows(), t * dim, dim);
      }
      Vectors.normalize(centers, p * dim, dim);
    }
    int count = Math.max(1, passages.passages() / PASSAGES_A_TOPIC);
    float[] topics = Clustering.train(centers, dim, count, backend);
    return Clustering.codes(centers, dim, topics, backend);
  }

  private CorpusModel.Queries relate(List<float[]> queries, float[] types) {
    List<Match> matches = new ArrayList<>();
    for (int q = 0; q < queries.size(); q++) {
      int template = best(queries.get(q), types);
      for (int r = 0; r < queries.get(q).length / dim; r++) {
        matches.add(match(queries.get(q), r, q, template));
      }
    }
    int[] places = new int[matches.size() * CorpusModel.Queries.FIELDS];
    float[] similarities = new float[matches.size()];
    float[] aside = new float[matches.size() * dim];
    for (int m = 0; m < matches.size(); m++) {
      Match match = matches.get(m);
      System.arraycopy(match.place, 0, places, m * match.place.length, match.place.length);
      similarities[m] = match.similarity;
      System.arraycopy(match.aside, 0, aside, m * dim, dim);
    }
    return new CorpusModel.Queries(places, similarities, aside);
  }

  private record Match(int[] place, float similarity, float[] aside) {}

  private Match match(float[] query, int row, int number, int template) {
    int best = passages.offsets()[template];
    float similarity = Float.NEGATIVE_INFINITY;
    for (int t = best; t < passages.offsets()[template + 1]; t++) {
      float dot = Vectors.dot(query, row * dim, passages.rows(), t * dim, dim);
      if (dot > similarity) {
        similarity = dot;
        best = t;
      }
    }
    float[] aside = Arrays.copyOfRange(query, row * dim, (row + 1) * dim);
    Vectors.add(aside, 0, -similarity, passages.rows(), best * dim, dim);
    Vectors.normalize(aside, 0, dim);
    int[] place = {number, template, best - passages.offsets()[template]};
    return new Match(place, Math.min(1, similarity), aside);
  }

  /** The passage of greatest MaxSim among those that are best by their types. */
  private int best(float[] query, float[] types) {
    int rows = query.length / dim;
    float[] scores = new float[types.length / dim * rows];
    for (int c = 0; c < types.length / dim; c++) {
      for (int r = 0; r < rows; r++) {
        scores[c * rows + r] = Vectors.dot(query, r * dim, types, c * dim, dim);
      }
    }
    float[] approximate = new float[passages.passages()];
    for (int p = 0; p < approximate.length; p++) {
      approximate[p] = approximate(p, scores, rows);
    }
    return IntStream.range(0, approximate.length)
        .boxed()
        .sorted(Comparator.comparing(p -> -approximate[p]))
        .limit(RESCORED)
        .max(Comparator.comparing(p -> maxSim(query, p)))
        .orElseThrow();
  }

  private float approximate(int passage, float[] scores, int rows) {
    float[] best = new float[rows];
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    for (int t = passages.offsets()[passage]; t < passages.offsets()[passage + 1]; t++) {
      for (int r = 0; r < rows; r++) {
        best[r] = Math.max(best[r], scores[codes[t] * rows + r]);
      }
    }
    float sum = 0;
    for (float value : best) {
      sum += value;
    }
    return sum;
  }

  private float maxSim(float[] query, int passage) {
    float sum = 0;
    for (int r = 0; r < query.length / dim; r++) {
      float best = Float.NEGATIVE_INFINITY;
      for (int t = passages.offsets()[passage]; t < passages.offsets()[passage + 1]; t++) {
        best = Math.max(best, Vectors.dot(query, r * dim, passages.rows(), t * dim, dim));
      }
      sum += best;
    }
    return sum;
  }
}
