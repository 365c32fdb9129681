package dev.tartan;

import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * A backend, and the model of an index once a query in words asks for it, for all commits of the
 * index that are open; the last one to close closes them, unless they belong to a {@link
 * LateInteraction}. Safe for any number of threads.
 */
final class OpenModel {
  private final Backend backend;
  private final int threads;
  private final @Nullable String language;
  private final Progress progress;

  /** Whose backend and encoder these are; null if its own. */
  private final @Nullable LateInteraction owner;

  private @Nullable Encoder encoder;
  private int users = 1;

  private OpenModel(
      Backend backend,
      int threads,
      @Nullable String language,
      Progress progress,
      @Nullable LateInteraction owner) {
    this.backend = backend;
    this.threads = threads;
    this.language = language;
    this.progress = progress;
    this.owner = owner;
    this.encoder = owner == null ? null : owner.encoder();
  }

  /** A backend, taken over. */
  static OpenModel of(Backend backend, int threads, @Nullable String language, Progress progress) {
    return new OpenModel(backend, threads, language, progress, null);
  }

  /** What a model has open. */
  static OpenModel of(LateInteraction owner) {
    return new OpenModel(owner.backend(), 1, null, Progress.NONE, owner);
  }

  Backend backend() {
    return backend;
  }

  /** The same for one user more. */
  synchronized OpenModel shared() {
    if (users == 0) {
      throw new IllegalStateException("the index is closed");
    }
    users++;
    return this;
  }

  /** The encoder that {@code snapshot} was made with. */
  synchronized Encoder encoder(Snapshot snapshot) {
    if (encoder == null) {
      encoder = load(snapshot);
    }
    return encoder;
  }

  private Encoder load(Snapshot snapshot) {
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
    if (opened.dim() != snapshot.manifest().dim()) {
      opened.close();
      throw new TartanException(
          "model %s has dim %d, the index %d: it is not the model that made the index"
              .formatted(model, opened.dim(), snapshot.manifest().dim()));
    }
    return opened;
  }

  /** Tells the owner of an index that was opened with its model. */
  Tartan opened(Tartan index) {
    return owner == null ? index : owner.opened(index);
  }

  /** An index that used this has closed. */
  void closed(Tartan index) {
    if (owner != null) {
      owner.forget(index);
    }
    close();
  }

  /** One user less. */
  synchronized void close() {
    users--;
    if (users == 0 && owner == null) {
      if (encoder != null) {
        encoder.close();
      }
      backend.close();
    }
  }
}
