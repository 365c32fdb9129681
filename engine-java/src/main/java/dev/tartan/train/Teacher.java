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

  /** Scores each query and passage read together. */
  public List<TrainingExample> teach(CrossEncoder model, int threads) {
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
    return scored(scores);
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
