package dev.tartan.jmh.scale;

import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Queries for a generated corpus: a real query goes with a generated passage as it went with its
 * best real one. Each row keeps its similarity to the token at the same position of a passage that
 * follows the same template, and keeps the direction of what remains as far as it can.
 */
final class GeneratedQueries {
  private static final long SEED = 5;
  private static final float LIKENESS = 0.85f;

  private final GeneratedCorpus corpus;
  private final CorpusModel.Queries queries;
  private final int dim;
  private final List<Integer> starts = new ArrayList<>();

  GeneratedQueries(GeneratedCorpus corpus) {
    this.corpus = corpus;
    this.queries = corpus.model().queries();
    this.dim = corpus.dim();
    for (int r = 0; r < queries.rows(); r++) {
      if (r == 0 || queries.query(r) != queries.query(r - 1)) {
        starts.add(r);
      }
    }
  }

  /**
   * {@code count} queries in {@code arena}, or fewer if few templates of queries are in the corpus.
   *
   * @param rows exact number of rows: longer queries are cut, shorter ones get more rows like those
   *     they have, as [MASK] tokens of a padded query are; 0 to leave each as long as the real one
   */
  List<Matrix> draw(int count, int rows, Arena arena) {
    List<Matrix> drawn = new ArrayList<>();
    for (int i = 0; drawn.size() < count && i < 20 * count; i++) {
      int start = starts.get(Seeds.below(Seeds.mix(SEED, i), starts.size()));
      int passage = passageOf(queries.template(start), Seeds.mix(SEED + 1, i));
      if (passage >= 0) {
        float[] query = query(start, passage);
        float[] sized = rows == 0 ? query : resize(query, rows, Seeds.mix(SEED + 2, i));
        drawn.add(Vectors.matrix(sized, dim, arena));
      }
    }
    return drawn;
  }

  /** A passage that follows {@code template}, looked for from a random one on; -1 if none does. */
  private int passageOf(int template, long bits) {
    int first = Seeds.below(bits, corpus.passages());
    for (int i = 0; i < corpus.passages(); i++) {
      int passage = (int) (((long) first + i) % corpus.passages());
      if (corpus.template(passage) == template) {
        return passage;
      }
    }
    return -1;
  }

  private float[] query(int start, int passage) {
    float[] tokens = corpus.passage(passage);
    int end = start;
    while (end < queries.rows() && queries.query(end) == queries.query(start)) {
      end++;
    }
    float[] query = new float[(end - start) * dim];
    for (int r = start; r < end; r++) {
      int at = (r - start) * dim;
      int token = queries.position(r) * dim;
      float similarity = queries.similarities()[r];
      System.arraycopy(queries.aside(), r * dim, query, at, dim);
      float along = Vectors.dot(query, at, tokens, token, dim);
      Vectors.add(query, at, -along, tokens, token, dim);
      Vectors.normalize(query, at, dim);
      float aside = (float) Math.sqrt(Math.max(0, 1 - similarity * similarity));
      for (int d = 0; d < dim; d++) {
        query[at + d] = similarity * tokens[token + d] + aside * query[at + d];
      }
      Vectors.normalize(query, at, dim);
    }
    return query;
  }

  private float[] resize(float[] query, int rows, long seed) {
    float[] sized = new float[rows * dim];
    int own = query.length / dim;
    for (int r = 0; r < rows; r++) {
      System.arraycopy(query, r % own * dim, sized, r * dim, dim);
      if (r >= own) {
        int other = Seeds.below(Seeds.mix(seed, r), own) * dim;
        float share = (float) Math.sqrt(1 - LIKENESS * LIKENESS);
        for (int d = 0; d < dim; d++) {
          sized[r * dim + d] = LIKENESS * sized[r * dim + d] + share * query[other + d];
        }
        Vectors.normalize(sized, r * dim, dim);
      }
    }
    return sized;
  }
}
