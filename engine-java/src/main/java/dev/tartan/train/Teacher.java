package dev.tartan.train;

import dev.tartan.collection.TrainingExample;
import dev.tartan.encode.CrossEncoder;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.model.Torch;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Gives the passages of examples the scores that a better model gives them. */
public final class Teacher {
  private static final int PASSAGES = 64;

  private final TrainingData data;
  private final Progress progress;

  /**
   * Prepares.
   *
   * @param data examples, with or without scores, and their texts
   */
  public Teacher(TrainingData data, Progress progress) {
    this.data = data;
    this.progress = progress;
  }

  /**
   * Scores each query and passage read together; by several models, combined as {@link #combined}.
   *
   * @param models folders or names of the hub, at least one; opened one after another
   */
  public List<TrainingExample> teach(List<String> models, int threads) {
    List<float[][]> scores = new ArrayList<>();
    for (String name : models) {
      try (CrossEncoder model = CrossEncoder.open(name)) {
        scores.add(scores(model, threads));
      }
    }
    return scored(combined(scores));
  }

  /**
   * The mean of several teachers' scores, after each was stretched so that all spread alike around
   * the mean of an example: else the one with the largest logits would decide alone. What a teacher
   * says of one example against another stays, and a single teacher's scores stay as they are; the
   * common spread is the mean of all, so a temperature means what it did.
   *
   * @param all for each teacher [examples][passages]
   */
  static float[][] combined(List<float[][]> all) {
    double[] spreads = all.stream().mapToDouble(Teacher::spread).toArray();
    double common = Arrays.stream(spreads).average().orElseThrow();
    float[][] mean = new float[all.getFirst().length][];
    for (int e = 0; e < mean.length; e++) {
      mean[e] = new float[all.getFirst()[e].length];
      for (int p = 0; p < mean[e].length; p++) {
        double sum = 0;
        for (int t = 0; t < spreads.length; t++) {
          // a teacher that makes no difference has nothing to add
          double stretch = spreads[t] == 0 ? 1 : common / spreads[t];
          sum += stretch * all.get(t)[e][p];
        }
        mean[e][p] = (float) (sum / spreads.length);
      }
    }
    return mean;
  }

  /** Root of the mean squared distance from the mean of the same example. */
  private static double spread(float[][] scores) {
    double squares = 0;
    long count = 0;
    for (float[] example : scores) {
      double mean = 0;
      for (float score : example) {
        mean += score / (double) example.length;
      }
      for (float score : example) {
        squares += (score - mean) * (score - mean);
      }
      count += example.length;
    }
    return Math.sqrt(squares / Math.max(1, count));
  }

  private float[][] scores(CrossEncoder model, int threads) {
    progress.stage("scoring", "pairs", pairs());
    List<TrainingExample> examples = data.examples();
    float[][] scores = new float[examples.size()][];
    Parallel.forEach(
        scores.length,
        threads,
        i -> {
          TrainingExample example = examples.get(i);
          scores[i] = model.scores(query(example), texts(example.passageIds()));
          synchronized (progress) {
            progress.advance(scores[i].length);
          }
        });
    progress.done();
    return scores;
  }

  /** Scores by MaxSim of another late-interaction model, uncompressed. */
  public List<TrainingExample> teach(Encoder model) {
    Torch.load();
    progress.stage("scoring", "pairs", pairs());
    List<TrainingExample> examples = data.examples();
    float[][] scores = new float[examples.size()][];
    Map<String, List<int[]>> places = new LinkedHashMap<>();
    for (int e = 0; e < scores.length; e++) {
      List<String> ids = examples.get(e).passageIds();
      scores[e] = new float[ids.size()];
      for (int p = 0; p < ids.size(); p++) {
        places.computeIfAbsent(ids.get(p), _ -> new ArrayList<>()).add(new int[] {e, p});
      }
    }
    List<String> passages = List.copyOf(places.keySet());
    try (Arena arena = Arena.ofShared()) {
      Map<String, Matrix> queries = queries(model, arena);
      for (int from = 0; from < passages.size(); from += PASSAGES) {
        List<String> ids = passages.subList(from, Math.min(passages.size(), from + PASSAGES));
        score(model, ids, queries, places, scores);
      }
    }
    progress.done();
    return scored(scores);
  }

  private Map<String, Matrix> queries(Encoder model, Arena arena) {
    List<String> ids = data.examples().stream().map(TrainingExample::queryId).distinct().toList();
    List<Matrix> rows =
        model.encodeQueries(
            ids.stream().map(id -> Objects.requireNonNull(data.queries().get(id))).toList(), arena);
    Map<String, Matrix> queries = new HashMap<>();
    for (int i = 0; i < ids.size(); i++) {
      queries.put(ids.get(i), rows.get(i));
    }
    return queries;
  }

  private void score(
      Encoder model,
      List<String> ids,
      Map<String, Matrix> queries,
      Map<String, List<int[]>> places,
      float[][] scores) {
    try (Arena arena = Arena.ofShared()) {
      EncodedPassages encoded = model.encodePassages(texts(ids), arena);
      long first = 0;
      for (int i = 0; i < ids.size(); i++) {
        int doclen = encoded.doclens()[i];
        Matrix passage = encoded.rows().slice(first, doclen);
        first += doclen;
        for (int[] place : Objects.requireNonNull(places.get(ids.get(i)))) {
          String query = data.examples().get(place[0]).queryId();
          scores[place[0]][place[1]] = maxSim(Objects.requireNonNull(queries.get(query)), passage);
          progress.advance(1);
        }
      }
    }
  }

  /** A passage without rows scores 0. */
  private static float maxSim(Matrix query, Matrix passage) {
    if (passage.rows() == 0) {
      return 0;
    }
    try (PointerScope _ = new PointerScope()) {
      Tensor q = Torch.share(query.data(), query.rows(), query.dim());
      Tensor p = Torch.share(passage.data(), passage.rows(), passage.dim());
      return torch.matmul(q, p.t()).max(1).get0().sum().item_float();
    }
  }

  private long pairs() {
    return data.examples().stream().mapToLong(example -> example.passageIds().size()).sum();
  }

  private String query(TrainingExample example) {
    return Objects.requireNonNull(data.queries().get(example.queryId()));
  }

  private List<String> texts(List<String> ids) {
    return ids.stream().map(id -> Objects.requireNonNull(data.passages().get(id))).toList();
  }

  private List<TrainingExample> scored(float[][] scores) {
    List<TrainingExample> scored = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      TrainingExample example = data.examples().get(i);
      scored.add(new TrainingExample(0, example.queryId(), example.passageIds(), scores[i]));
    }
    return scored;
  }
}
