package dev.tartan;

import dev.tartan.collection.Document;
import dev.tartan.collection.Splitting;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A late-interaction model, open for all that can be done with it: index documents, search them,
 * search a few in memory, rerank what another search found.
 *
 * <pre>{@code
 * try (var model = LateInteraction.fromPretrained("colbert-ir/colbertv2.0")) {
 *   try (var index = model.index(documents, Path.of("my-index"))) {
 *     index.search("what is late interaction?", 10);
 *   }
 *   try (var few = model.encode(documents)) {
 *     few.search("what is late interaction?", 10);
 *   }
 *   model.rerank("what is late interaction?", texts, 10);
 * }
 * }</pre>
 *
 * Safe for any number of threads. Closing it waits for what runs and closes what it has opened.
 */
public final class LateInteraction implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(LateInteraction.class.getName());

  private final Encoder encoder;
  private final Backend backend;
  private final Set<AutoCloseable> open = ConcurrentHashMap.newKeySet();

  /** Read by what uses the model, written by what closes it. */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  private boolean closed;

  private LateInteraction(Encoder encoder, Backend backend) {
    this.encoder = encoder;
    this.backend = backend;
  }

  /**
   * Opens a model with the best backend and all processors.
   *
   * @param model {@link Encoders#TARTAN_MINI}, the folder of a checkpoint, or its name on the hub,
   *     which is fetched once; see {@link Encoders#open(String)}
   * @throws TartanException if there is no such model, or it cannot be read
   */
  public static LateInteraction fromPretrained(String model) {
    int threads = Runtime.getRuntime().availableProcessors();
    Encoder encoder = Encoders.open(model, threads);
    try {
      return of(
          encoder,
          Backends.open("auto", threads, notice -> LOG.log(System.Logger.Level.WARNING, notice)));
    } catch (RuntimeException e) {
      encoder.close();
      throw e;
    }
  }

  /** A model with a backend; takes over both and closes them. */
  public static LateInteraction of(Encoder encoder, Backend backend) {
    return new LateInteraction(encoder, backend);
  }

  /** The encoder, which closes with this. */
  public Encoder encoder() {
    return encoder;
  }

  Backend backend() {
    return backend;
  }

  /** How {@link #index(Iterable, Path)} makes an index: 2 bits, documents not split. */
  public IndexOptions options() {
    return IndexOptions.of(encoder);
  }

  /** {@link #index(Iterable, Path, IndexOptions)} as {@link #options} has it. */
  public Tartan index(Iterable<Document> documents, Path path) {
    return index(documents, path, options());
  }

  /**
   * Indexes documents, replacing what is at {@code path} in one commit, and opens the index.
   *
   * @param documents read once, as a stream
   * @param options of {@link #options}, changed at will but for the model
   * @return the index, which closes with this at the latest
   * @throws TartanException if there is no document, an id repeats or is blank, or the directory
   *     cannot be written; what was committed before stands
   */
  public Tartan index(Iterable<Document> documents, Path path, IndexOptions options) {
    if (!encoder.model().equals(options.model())) {
      throw new TartanException(
          "options of %s, not of %s; change those that options() gives"
              .formatted(options.model(), encoder.model()));
    }
    return using(
        () -> {
          new TextIndexer(encoder, backend, Progress.NONE).index(documents, path, options);
          return opened(Tartan.open(path, this));
        });
  }

  /**
   * Opens an index that this model has made.
   *
   * @return the index, which closes with this at the latest
   * @throws TartanException if there is none, it is damaged, or another model has made it
   */
  public Tartan open(Path path) {
    return using(() -> opened(Tartan.open(path, this)));
  }

  /** {@link #encode(Iterable, Splitting)} of whole documents. */
  public EncodedDocuments encode(Iterable<Document> documents) {
    return encode(documents, null);
  }

  /**
   * Encodes documents to be searched in memory.
   *
   * @param split how to split them into passages; null not to
   * @return the documents, whose memory is freed by closing them, or this
   * @throws TartanException if an id repeats or is blank
   */
  public EncodedDocuments encode(Iterable<Document> documents, @Nullable Splitting split) {
    return using(
        () ->
            opened(
                new EncodedDocuments(
                    this, new DocumentBatches(documents.iterator(), encoder, split))));
  }

  /**
   * Ranks texts for a query by exact MaxSim, without an index.
   *
   * @param texts of each what the model reads; blank ones are left out
   * @param k hits wanted, at least 1
   * @return the {@code k} best, best first: {@link Hit#passage} is the place in {@code texts}, from
   *     0, and {@link Hit#id} the same as a string
   * @throws TartanException if the query is blank, or {@code k} is less than 1
   */
  public List<Hit> rerank(String query, List<String> texts, int k) {
    try (EncodedDocuments encoded = encode(Document.numbered(texts))) {
      return encoded.search(query, k);
    }
  }

  private <T> T using(Supplier<T> work) {
    lock.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the model is closed");
      }
      return work.get();
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Closes {@code what} with this. */
  <T extends AutoCloseable> T opened(T what) {
    open.add(what);
    return what;
  }

  /** Told by what was opened when it closes. */
  void forget(AutoCloseable what) {
    open.remove(what);
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      for (AutoCloseable what : List.copyOf(open)) {
        close(what);
      }
      encoder.close();
      backend.close();
    } finally {
      lock.writeLock().unlock();
    }
  }

  private static void close(AutoCloseable what) {
    try {
      what.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
