package dev.tartan;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.encode.Reranker;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Ranks documents of a collection for some queries, without an index: reads the collection once as
 * a stream and scores the documents that are asked for. Held are a number for each candidate, the
 * best of each query, and the documents of one batch; nothing that grows with the collection.
 */
public final class CollectionReranker {
  /** Documents scored at a time: enough to find some of similar length. */
  private static final int DOCUMENTS = 256;

  /** The first batch is small and each next one twice as large, so that progress shows soon. */
  private static final int FIRST_DOCUMENTS = 16;

  /** Pairs scored at a time, about: cross-encoders are slow, and progress shows by batches. */
  private static final int PAIRS = 1 << 16;

  private static final Comparator<Ranked> WORST_FIRST =
      Comparator.comparingDouble(Ranked::score)
          .thenComparing(Ranked::place, Comparator.reverseOrder());

  private final Reranker model;
  private final Progress progress;
  private final List<PriorityQueue<Ranked>> best = new ArrayList<>();
  private final int k;
  private final Map<Integer, Document> shown = new HashMap<>();
  private int batch = FIRST_DOCUMENTS;
  private long pairs;

  /**
   * A document in a ranking.
   *
   * @param place in the collection, from 0
   */
  private record Ranked(String id, float score, int place) {}

  /**
   * Prepares.
   *
   * @param model made with {@code queries} queries
   * @param k documents to keep for each, at least 1
   */
  public CollectionReranker(Reranker model, int queries, int k, Progress progress) {
    this.model = model;
    this.k = k;
    this.progress = progress;
    for (int q = 0; q < queries; q++) {
      best.add(new PriorityQueue<>(WORST_FIRST));
    }
  }

  /**
   * Ranks.
   *
   * @param candidates for each query the ids of the documents to rank; null to rank all documents
   *     of the collection for every query
   * @param total pairs to come, for the progress; -1 if that is not known
   * @return for each query its best documents, best first; ties to the earlier in the collection.
   *     {@link Hit#passage} is the place there, from 0. Documents without tokens are left out
   * @throws TartanException if a candidate is not in the collection
   */
  public List<List<Hit>> rank(
      Collection collection, @Nullable List<List<String>> candidates, long total) {
    Map<String, int[]> asked = candidates == null ? null : transposed(candidates);
    int[] all = IntStream.range(0, best.size()).toArray();
    List<Document> documents = new ArrayList<>();
    List<int[]> queries = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    try (DocumentReader reader = collection.open()) {
      progress.stage("scoring", "pairs", total);
      int pending = 0;
      for (int place = 0; reader.hasNext(); place++) {
        Document document = reader.next();
        int[] asking = asked == null ? all : asked.remove(document.id());
        if (asking != null) {
          documents.add(document);
          queries.add(asking);
          places.add(place);
          pending += asking.length;
        }
        if (documents.size() == batch || pending >= PAIRS || !reader.hasNext()) {
          score(documents, queries, places);
          documents.clear();
          queries.clear();
          places.clear();
          pending = 0;
          batch = Math.min(DOCUMENTS, 2 * batch);
        }
      }
    }
    progress.done();
    if (asked != null && !asked.isEmpty()) {
      throw missing(asked.keySet(), collection);
    }
    return best.stream().map(CollectionReranker::hits).toList();
  }

  /** What to say of documents that are asked for and not there. */
  public static TartanException missing(Set<String> ids, Collection collection) {
    return new TartanException(
        "%d of the documents to rank %s not in %s (first: '%s'); name the collection that the run is of"
            .formatted(
                ids.size(),
                ids.size() == 1 ? "is" : "are",
                collection.path(),
                ids.iterator().next()));
  }

  /** How many pairs were scored. */
  public long pairs() {
    return pairs;
  }

  /** The document of a hit of the only query; with several queries none is kept. */
  public @Nullable Document document(Hit hit) {
    return shown.get(hit.passage());
  }

  /** For each document the queries that ask for it. */
  private static Map<String, int[]> transposed(List<List<String>> candidates) {
    Map<String, int[]> queries = new LinkedHashMap<>();
    for (int q = 0; q < candidates.size(); q++) {
      for (String id : candidates.get(q)) {
        int[] before = queries.getOrDefault(id, new int[0]);
        int[] with = Arrays.copyOf(before, before.length + 1);
        with[before.length] = q;
        queries.put(id, with);
      }
    }
    return queries;
  }

  private void score(List<Document> documents, List<int[]> queries, List<Integer> places) {
    int[][] wanted = queries.toArray(int[][]::new);
    float[][] scores = model.score(documents, wanted, progress);
    for (int d = 0; d < wanted.length; d++) {
      pairs += wanted[d].length;
      for (int i = 0; i < wanted[d].length; i++) {
        if (scores[d][i] > Float.NEGATIVE_INFINITY) {
          Ranked ranked = new Ranked(documents.get(d).id(), scores[d][i], places.get(d));
          keep(ranked, documents.get(d), best.get(wanted[d][i]));
        }
      }
    }
  }

  private void keep(Ranked ranked, Document document, PriorityQueue<Ranked> kept) {
    kept.add(ranked);
    Ranked dropped = kept.size() > k ? kept.remove() : null;
    if (best.size() == 1 && !ranked.equals(dropped)) {
      shown.put(ranked.place, document);
      if (dropped != null) {
        shown.remove(dropped.place);
      }
    }
  }

  private static List<Hit> hits(PriorityQueue<Ranked> kept) {
    return kept.stream()
        .sorted(WORST_FIRST.reversed())
        .map(ranked -> new Hit(ranked.id, ranked.score, 0, ranked.place))
        .toList();
  }
}
