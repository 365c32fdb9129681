package dev.tartan;

import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An index open for searching in words.
 *
 * <pre>{@code
 * try (var tartan = Tartan.open(Path.of("index"))) {
 *   for (Hit hit : tartan.search("what is late interaction?", 10)) {
 *     System.out.println(hit.score() + " " + hit.id() + " " + tartan.text(hit));
 *   }
 * }
 * }</pre>
 *
 * Sees the commit that was current when it was opened, whatever is written since. Safe for any
 * number of threads. The model is loaded at the first query in words.
 */
public final class Tartan implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Tartan.class.getName());

  private final Snapshot snapshot;
  private final Backend backend;
  private final Searcher searcher;
  private final int threads;
  private final @Nullable String language;
  private final Progress progress;
  private @Nullable Encoder encoder;
  private boolean closed;

  /** Whose encoder and backend these are; null if its own. */
  private final @Nullable LateInteraction owner;

  private Tartan(
      Snapshot snapshot,
      Backend backend,
      int threads,
      @Nullable String language,
      Progress progress) {
    this.snapshot = snapshot;
    this.backend = backend;
    this.searcher = new Searcher(snapshot, backend);
    this.threads = threads;
    this.language = language;
    this.progress = progress;
    this.owner = null;
  }

  /** An index that is searched by a model which is open, and stays so. */
  private Tartan(Snapshot snapshot, LateInteraction owner) {
    this.snapshot = snapshot;
    this.backend = owner.backend();
    this.searcher = new Searcher(snapshot, backend);
    this.threads = 1;
    this.language = null;
    this.progress = Progress.NONE;
    this.owner = owner;
    this.encoder = owner.encoder();
  }

  /** Opens the index at {@code path} for the model that made it. */
  static Tartan open(Path path, LateInteraction owner) {
    Snapshot snapshot = Snapshot.open(path);
    try {
      String model = snapshot.manifest().model();
      if (!owner.encoder().model().equals(model)) {
        throw new TartanException(
            "the index at %s was made with %s, not with %s"
                .formatted(
                    path, model == null ? "brought embeddings" : model, owner.encoder().model()));
      }
      return new Tartan(snapshot, owner);
    } catch (RuntimeException e) {
      snapshot.close();
      throw e;
    }
  }

  /**
   * Opens the index at {@code path} with the best backend and all processors.
   *
   * @throws TartanException if there is no index, or it is damaged or of a newer format
   */
  public static Tartan open(Path path) {
    int threads = Runtime.getRuntime().availableProcessors();
    return open(
        path,
        Backends.open("auto", threads, notice -> LOG.log(System.Logger.Level.WARNING, notice)),
        threads);
  }

  /**
   * Opens the index at {@code path} with a backend, which it takes over and closes.
   *
   * @param threads for the encoder
   */
  public static Tartan open(Path path, Backend backend, int threads) {
    return open(path, backend, threads, null);
  }

  /**
   * As {@link #open(Path, Backend, int)} for queries in another language than the index's.
   *
   * @param language as the model spells it; null for that of the index
   */
  public static Tartan open(Path path, Backend backend, int threads, @Nullable String language) {
    return open(path, backend, threads, language, Progress.NONE);
  }

  /**
   * As {@link #open(Path, Backend, int, String)}.
   *
   * @param progress told of the model's files where they must be fetched from the hub first
   */
  public static Tartan open(
      Path path, Backend backend, int threads, @Nullable String language, Progress progress) {
    Snapshot snapshot = null;
    try {
      snapshot = Snapshot.open(path);
      return new Tartan(snapshot, backend, threads, language, progress);
    } catch (RuntimeException e) {
      if (snapshot != null) {
        snapshot.close();
      }
      backend.close();
      throw e;
    }
  }

  /** The {@code k} best documents for a query, best first. */
  public List<Hit> search(String query, int k) {
    return search(query, SearchOptions.top(k));
  }

  /**
   * The best documents for a query, best first.
   *
   * @throws TartanException if the query is blank or has no token, or the index was made of brought
   *     embeddings and so has no model
   */
  public List<Hit> search(String query, SearchOptions options) {
    return searchAll(List.of(query), options).getFirst();
  }

  /**
   * {@link #search(String, SearchOptions)} of many queries, which shares out the work better; the
   * same answers in their order.
   */
  public List<List<Hit>> searchAll(List<String> queries, SearchOptions options) {
    queries.forEach(Tartan::requireWords);
    try (Arena arena = Arena.ofShared()) {
      List<Matrix> rows =
          queries.size() == 1
              ? List.of(encoder().encodeQuery(queries.getFirst(), arena))
              : encoder().encodeQueries(queries, arena);
      return searcher.searchAll(rows, options);
    }
  }

  /** Which passage token each query token matched, and how strongly. */
  public Explanation explain(String query, Hit hit) {
    Encoder model = encoder();
    String text = searcher.text(hit);
    List<String> queryTokens = model.queryTokens(query);
    try (Arena arena = Arena.ofConfined()) {
      Matrix similarities = searcher.similarities(model.encodeQuery(query, arena), hit, arena);
      List<String> passageTokens =
          text == null
              ? numbered(similarities.dim())
              : model.passageTokens(text, snapshot.manifest().tokenPooling());
      List<Explanation.Match> matches = new ArrayList<>();
      for (int r = 0; r < similarities.rows(); r++) {
        int best = 0;
        for (int t = 1; t < similarities.dim(); t++) {
          best = similarities.get(r, t) > similarities.get(r, best) ? t : best;
        }
        matches.add(new Explanation.Match(queryTokens.get(r), best, similarities.get(r, best)));
      }
      return new Explanation(hit.id(), passageTokens, matches);
    }
  }

  /** The passage that a hit was found by, and where it is in the document. */
  public Passage passage(Hit hit) {
    return searcher.passage(hit);
  }

  /** The stored text of the passage that a hit was found by; null if the index stores none. */
  public @Nullable String text(Hit hit) {
    return searcher.text(hit);
  }

  /** For searching with embeddings, and for what the index is made of. */
  public Searcher searcher() {
    return searcher;
  }

  /** The encoder that the index was made with, loaded at the first call. */
  public synchronized Encoder encoder() {
    if (closed) {
      throw new IllegalStateException("the index is closed");
    }
    if (encoder == null) {
      String model = snapshot.manifest().model();
      if (model == null) {
        throw new TartanException(
            "the index at %s was made of brought embeddings and knows no model; search it with --query-embeddings"
                .formatted(snapshot.directory()));
      }
      Encoder opened =
          Encoders.open(
              model,
              threads,
              language == null ? snapshot.manifest().language() : language,
              Hub.ofEnvironment(progress));
      if (opened.dim() != snapshot.codec().dim()) {
        opened.close();
        throw new TartanException(
            "model %s has dim %d, the index %d: it is not the model that made the index"
                .formatted(model, opened.dim(), snapshot.codec().dim()));
      }
      encoder = opened;
    }
    return encoder;
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (owner == null && encoder != null) {
      encoder.close();
    }
    searcher.close();
    snapshot.close();
    if (owner == null) {
      backend.close();
    } else {
      owner.forget(this);
    }
  }

  /**
   * Refuses a query that says nothing.
   *
   * @throws TartanException if it is blank
   */
  static void requireWords(String query) {
    if (query.isBlank()) {
      throw new TartanException("the query is blank; give it at least one word");
    }
  }

  private static List<String> numbered(int tokens) {
    List<String> names = new ArrayList<>();
    for (int t = 0; t < tokens; t++) {
      names.add("token " + t);
    }
    return names;
  }
}
