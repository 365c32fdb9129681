package dev.tartan;

import dev.tartan.collection.Document;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Filter;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Selection;
import dev.tartan.segment.Manifest;
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
  private final Searcher searcher;

  /** What this index and newer commits of it work with. */
  private final OpenModel model;

  private boolean closed;

  private Tartan(Snapshot snapshot, OpenModel model) {
    this.snapshot = snapshot;
    this.model = model;
    this.searcher = new Searcher(snapshot, model.backend());
  }

  /** Opens the index at {@code path} for the model that made it, which is open and stays so. */
  static Tartan open(Path path, LateInteraction owner) {
    Snapshot snapshot = Snapshot.open(path);
    try {
      String model = snapshot.manifest().model();
      if (!owner.encoder().model().equals(model)) {
        throw ofAnotherModel(path, model, owner.encoder().model());
      }
      return new Tartan(snapshot, OpenModel.of(owner));
    } catch (RuntimeException e) {
      snapshot.close();
      throw e;
    }
  }

  /** Tells that an index was made with another model than the one at hand. */
  static TartanException ofAnotherModel(Path path, @Nullable String model, String given) {
    return new TartanException(
        "the index at %s was made with %s, not with %s"
            .formatted(path, model == null ? "brought embeddings" : model, given));
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
      return new Tartan(snapshot, OpenModel.of(backend, threads, language, progress));
    } catch (RuntimeException e) {
      if (snapshot != null) {
        snapshot.close();
      }
      backend.close();
      throw e;
    }
  }

  /**
   * The index at its newest commit: this one if nothing has been committed since, else one that
   * shares the model and the backend with this. Each must be closed.
   *
   * @throws TartanException if the newest commit cannot be read
   */
  public Tartan newest() {
    Path path = snapshot.directory();
    if (Manifest.read(path).commit() == snapshot.manifest().commit()) {
      return this;
    }
    OpenModel shared = model.shared();
    Snapshot newer = null;
    try {
      newer = Snapshot.open(path);
      return shared.opened(new Tartan(newer, shared));
    } catch (RuntimeException e) {
      if (newer != null) {
        newer.close();
      }
      shared.close();
      throw e;
    }
  }

  /**
   * Adds documents to the index on disk in one commit, which {@link #newest} then opens.
   *
   * @throws TartanException if an id is in the index already or repeats, or another writer holds
   *     the index; nothing is added then
   */
  public void add(Iterable<Document> documents) {
    new TextIndexer(encoder(), model.backend(), Progress.NONE)
        .add(documents, snapshot.directory(), false);
  }

  /** The same where a document replaces that of the same id, if there is one. */
  public void update(Iterable<Document> documents) {
    new TextIndexer(encoder(), model.backend(), Progress.NONE)
        .add(documents, snapshot.directory(), true);
  }

  /**
   * Deletes documents of the index on disk in one commit, which {@link #newest} then opens.
   *
   * @throws TartanException if there is no document of an id, or another writer holds the index;
   *     nothing is deleted then
   */
  public void delete(Iterable<String> ids) {
    try (IndexWriter writer =
        IndexWriter.append(snapshot.directory(), model.backend(), Progress.NONE)) {
      for (String id : ids) {
        writer.requireDelete(id);
      }
      writer.commit();
    }
    new Compaction(snapshot.directory(), model.backend(), Progress.NONE).merge();
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
    return searchAll(queries, options, null);
  }

  /**
   * The best of the documents that a filter is true of.
   *
   * @throws TartanException as {@link #search(String, SearchOptions)}, or if the filter asks for a
   *     field that no document has, or compares one with a value of another type
   */
  public List<Hit> search(String query, SearchOptions options, Filter filter) {
    return searchAll(List.of(query), options, select(filter)).getFirst();
  }

  /** The documents that a filter is true of, for any number of searches. */
  public Selection select(Filter filter) {
    return Selection.of(snapshot, filter);
  }

  /**
   * {@link #searchAll(List, SearchOptions)} of what is selected.
   *
   * @param selection of {@link #select}; null for all
   */
  public List<List<Hit>> searchAll(
      List<String> queries, SearchOptions options, @Nullable Selection selection) {
    queries.forEach(Tartan::requireWords);
    try (Arena arena = Arena.ofShared()) {
      List<Matrix> rows =
          queries.size() == 1
              ? List.of(encoder().encodeQuery(queries.getFirst(), arena))
              : encoder().encodeQueries(queries, arena);
      return searcher.searchAll(rows, options, selection);
    }
  }

  /** Which passage token each query token matched, and how strongly. */
  public Explanation explain(String query, Hit hit) {
    Encoder encoder = encoder();
    String text = searcher.text(hit);
    List<String> queryTokens = encoder.queryTokens(query);
    try (Arena arena = Arena.ofConfined()) {
      Matrix similarities = searcher.similarities(encoder.encodeQuery(query, arena), hit, arena);
      List<String> passageTokens =
          text == null
              ? numbered(similarities.dim())
              : encoder.passageTokens(text, snapshot.manifest().tokenPooling());
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

  /** The metadata of a hit's document, a JSON object; empty if it has none. */
  public String metadata(Hit hit) {
    return searcher.metadata(hit);
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
    return model.encoder(snapshot);
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    searcher.close();
    snapshot.close();
    model.closed(this);
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
