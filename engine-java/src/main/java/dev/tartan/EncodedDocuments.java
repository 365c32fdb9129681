package dev.tartan;

import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Piece;
import dev.tartan.encode.TokenPooling;
import dev.tartan.indexing.IdSet;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import dev.tartan.search.SearchOptions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.IntStream;

/**
 * Documents that were encoded once and are searched in memory, without an index: {@code 4 * dim}
 * bytes a token, and every search scores every passage, exactly. For some ten thousand passages at
 * most. Safe for any number of threads; closing waits for searches that run.
 */
public final class EncodedDocuments implements AutoCloseable {
  private final LateInteraction model;
  private final Arena arena = Arena.ofShared();
  private final List<DenseScorer> blocks = new ArrayList<>();
  private final List<String> ids = new ArrayList<>();

  /** Of all passages, in the order of the blocks. */
  private final List<Place> passages = new ArrayList<>();

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  /** A passage: its document and its number there. */
  private record Place(int document, int number, Piece piece) {}

  /**
   * Encodes all that {@code batches} has.
   *
   * @throws TartanException if an id is blank or repeats
   */
  EncodedDocuments(LateInteraction model, DocumentBatches batches) {
    this.model = model;
    IdSet seen = new IdSet();
    try {
      while (batches.hasNext()) {
        add(batches.next(), seen);
      }
    } catch (RuntimeException e) {
      free();
      throw e;
    }
  }

  private void add(DocumentBatches.Batch batch, IdSet seen) {
    for (int i = 0; i < batch.documents().size(); i++) {
      String id = batch.documents().get(i).id();
      seen.require(id);
      List<Piece> pieces = batch.passages().get(i);
      for (int n = 0; n < pieces.size(); n++) {
        passages.add(new Place(ids.size(), n, pieces.get(n)));
      }
      ids.add(id);
    }
    EncodedPassages encoded = batch.encode(model.encoder(), TokenPooling.NONE, arena);
    blocks.add(new DenseScorer(encoded, model.backend(), arena));
  }

  /** How many documents there are. */
  public int size() {
    return ids.size();
  }

  /**
   * The {@code k} best documents for a query, best first, each with its best passage; ties to the
   * earlier. Documents without tokens are never found.
   *
   * @param k at least 1
   * @throws TartanException if the query is blank, or {@code k} is less than 1
   * @throws IllegalStateException if this is closed, or the model is
   */
  public List<Hit> search(String query, int k) {
    SearchOptions.top(k); // refuses what a search of an index does
    Tartan.requireWords(query);
    lock.readLock().lock();
    try {
      requireOpen();
      float[] scores = scores(query);
      int[] best = new int[ids.size()];
      Arrays.fill(best, -1);
      for (int p = 0; p < scores.length; p++) {
        int document = passages.get(p).document;
        if (scores[p] > Float.NEGATIVE_INFINITY
            && (best[document] < 0 || scores[p] > scores[best[document]])) {
          best[document] = p;
        }
      }
      return IntStream.of(best)
          .filter(p -> p >= 0)
          .boxed()
          .sorted(Comparator.comparingDouble((Integer p) -> -scores[p])) // stable
          .limit(k)
          .map(p -> new Hit(ids.get(passages.get(p).document), scores[p], 0, p))
          .toList();
    } finally {
      lock.readLock().unlock();
    }
  }

  private float[] scores(String query) {
    float[] scores = new float[passages.size()];
    try (Arena scratch = Arena.ofShared()) {
      List<Matrix> rows = List.of(model.encoder().encodeQuery(query, scratch));
      int first = 0;
      for (DenseScorer block : blocks) {
        int[] all = IntStream.range(0, block.passages()).toArray();
        float[] some = block.score(rows, new int[][] {all})[0];
        System.arraycopy(some, 0, scores, first, some.length);
        first += some.length;
      }
    }
    return scores;
  }

  /** The passage that a hit was found by, and where it is in the document. */
  public Passage passage(Hit hit) {
    Place place = passages.get(hit.passage());
    return new Passage(place.number, place.piece.span(), place.piece.text());
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the encoded documents are closed");
    }
  }

  /** Frees the memory. */
  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        free();
        model.forget(this);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void free() {
    closed = true;
    blocks.forEach(DenseScorer::close);
    arena.close();
  }
}
