package dev.tartan.train;

import dev.tartan.collection.Document;
import dev.tartan.collection.TrainingExample;
import dev.tartan.encode.CrossEncoder;
import dev.tartan.encode.CrossEncoderReranker;
import dev.tartan.encode.Reranker;
import dev.tartan.memory.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Gives the passages of examples the scores that a better model gives them. */
public final class Teacher {
  private static final int PASSAGES = 64;

  private final TrainingData data;
  private final Progress progress;

  /** Query ids in the order of {@link #queries}. */
  private final Map<String, Integer> numbers = new LinkedHashMap<>();

  /**
   * Prepares.
   *
   * @param data examples, with or without scores, and their texts
   */
  public Teacher(TrainingData data, Progress progress) {
    this.data = data;
    this.progress = progress;
    data.examples().forEach(e -> numbers.putIfAbsent(e.queryId(), numbers.size()));
  }

  /** The queries of the examples, each once. */
  public List<String> queries() {
    return numbers.keySet().stream()
        .map(id -> Objects.requireNonNull(data.queries().get(id)))
        .toList();
  }

  /**
   * Scores each query and passage read together; by several models, combined as {@link #combined}.
   *
   * @param models folders or names of the hub, at least one; opened one after another
   */
  public List<TrainingExample> teach(List<String> models, int threads) {
    List<float[][]> scores = new ArrayList<>();
    for (String name : models) {
      try (CrossEncoder model = CrossEncoder.open(name);
          Reranker reranker = new CrossEncoderReranker(model, queries(), threads)) {
        scores.add(scores(reranker));
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

  /**
   * Scores by {@code model}; a passage without tokens scores 0.
   *
   * @param model was made with {@link #queries}
   */
  public List<TrainingExample> teach(Reranker model) {
    return scored(scores(model));
  }

  private float[][] scores(Reranker model) {
    List<TrainingExample> examples = data.examples();
    progress.stage(
        "scoring", "pairs", examples.stream().mapToLong(e -> e.passageIds().size()).sum());
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
    for (int from = 0; from < passages.size(); from += PASSAGES) {
      int to = Math.min(passages.size(), from + PASSAGES);
      score(model, passages.subList(from, to), places, scores);
    }
    progress.done();
    return scores;
  }

  /** Scores the passages {@code ids} wherever examples have them. */
  private void score(
      Reranker model, List<String> ids, Map<String, List<int[]>> places, float[][] scores) {
    List<Document> documents = new ArrayList<>();
    int[][] queries = new int[ids.size()][];
    for (int d = 0; d < queries.length; d++) {
      String id = ids.get(d);
      documents.add(new Document(id, "", Objects.requireNonNull(data.passages().get(id))));
      queries[d] =
          Objects.requireNonNull(places.get(id)).stream()
              .map(place -> data.examples().get(place[0]).queryId())
              .mapToInt(query -> Objects.requireNonNull(numbers.get(query)))
              .toArray();
    }
    float[][] values = model.score(documents, queries, progress);
    for (int d = 0; d < queries.length; d++) {
      List<int[]> targets = Objects.requireNonNull(places.get(ids.get(d)));
      for (int i = 0; i < queries[d].length; i++) {
        float value = values[d][i];
        scores[targets.get(i)[0]][targets.get(i)[1]] = Float.isFinite(value) ? value : 0;
      }
    }
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
