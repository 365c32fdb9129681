package dev.tartan;

import dev.tartan.collection.Document;
import dev.tartan.compute.Backend;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Reranker;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores by MaxSim of a late-interaction model, uncompressed. Keeps the token embeddings of the
 * queries, and those of documents while they are scored.
 */
public final class MaxSimReranker implements Reranker {
  private final Encoder model;
  private final Backend backend;
  private final Arena arena = Arena.ofShared();
  private final List<Matrix> queries;

  /** Encodes the queries; {@code model} and {@code backend} stay the caller's. */
  public MaxSimReranker(Encoder model, Backend backend, List<String> queries) {
    this.model = model;
    this.backend = backend;
    try {
      this.queries = model.encodeQueries(queries, arena);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public float[][] score(List<Document> documents, int[][] wanted, Progress progress) {
    float[][] scores = new float[wanted.length][];
    List<List<int[]>> places = new ArrayList<>();
    queries.forEach(_ -> places.add(new ArrayList<>()));
    for (int d = 0; d < wanted.length; d++) {
      scores[d] = new float[wanted[d].length];
      for (int i = 0; i < wanted[d].length; i++) {
        places.get(wanted[d][i]).add(new int[] {d, i});
      }
    }
    float[][] byQuery = score(documents, places);
    for (int q = 0; q < byQuery.length; q++) {
      for (int i = 0; i < byQuery[q].length; i++) {
        int[] place = places.get(q).get(i);
        scores[place[0]][place[1]] = byQuery[q][i];
      }
    }
    progress.advance(places.stream().mapToLong(List::size).sum());
    return scores;
  }

  private float[][] score(List<Document> documents, List<List<int[]>> places) {
    int[][] wanted =
        places.stream()
            .map(list -> list.stream().mapToInt(place -> place[0]).toArray())
            .toArray(int[][]::new);
    try (Arena scratch = Arena.ofShared()) {
      EncodedPassages encoded =
          model.encodePassages(
              documents.stream().map(Document::passage).toList(),
              documents.stream().map(Document::language).toList(),
              scratch);
      try (DenseScorer scorer = new DenseScorer(encoded, backend, scratch)) {
        return scorer.score(queries, wanted);
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
