package dev.tartan.encode;

import dev.tartan.collection.Document;
import dev.tartan.memory.Progress;
import dev.tartan.memory.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Reads each query and document together, several pairs at a time. */
public final class CrossEncoderReranker implements Reranker {
  /** Pairs that a thread takes: some, so that those of like length share a batch. */
  private static final int PAIRS = 32;

  private final CrossEncoder model;
  private final List<String> queries;
  private final ExecutorService workers;

  /**
   * Reranks by {@code model}, which stays the caller's.
   *
   * @param threads that work at the same time
   */
  public CrossEncoderReranker(CrossEncoder model, List<String> queries, int threads) {
    this.model = model;
    this.queries = List.copyOf(queries);
    this.workers =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("tartan-rerank-", 0).factory());
  }

  @Override
  public float[][] score(List<Document> documents, int[][] wanted, Progress progress) {
    List<String> asked = new ArrayList<>();
    List<String> passages = new ArrayList<>();
    for (int d = 0; d < wanted.length; d++) {
      String passage = documents.get(d).passage();
      for (int query : wanted[d]) {
        asked.add(queries.get(query));
        passages.add(passage);
      }
    }
    float[] all = score(asked, passages, progress);
    float[][] scores = new float[wanted.length][];
    int next = 0;
    for (int d = 0; d < wanted.length; d++) {
      scores[d] = new float[wanted[d].length];
      System.arraycopy(all, next, scores[d], 0, scores[d].length);
      next += scores[d].length;
    }
    return scores;
  }

  private float[] score(List<String> asked, List<String> passages, Progress progress) {
    List<Future<float[]>> parts = new ArrayList<>();
    for (int from = 0; from < asked.size(); from += PAIRS) {
      int to = Math.min(asked.size(), from + PAIRS);
      List<String> someQueries = asked.subList(from, to);
      List<String> somePassages = passages.subList(from, to);
      parts.add(workers.submit(() -> model.scores(someQueries, somePassages)));
    }
    float[] scores = new float[asked.size()];
    try {
      for (int p = 0; p < parts.size(); p++) {
        float[] part = Tasks.await(parts.get(p), "scoring");
        System.arraycopy(part, 0, scores, p * PAIRS, part.length);
        progress.advance(part.length);
      }
    } finally {
      parts.forEach(part -> part.cancel(false)); // after a failure the rest is of no use
    }
    return scores;
  }

  @Override
  public void close() {
    workers.close();
  }
}
