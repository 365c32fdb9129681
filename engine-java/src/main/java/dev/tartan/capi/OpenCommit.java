package dev.tartan.capi;

import dev.tartan.compute.Backend;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A commit of an index, open for searching. It goes when its index has let it go and no call uses
 * it any more; so neither waits for the other. Safe for any number of threads.
 */
final class OpenCommit implements AutoCloseable {
  private final Searcher searcher;

  /** The index, and calls that run. */
  private final AtomicInteger holders = new AtomicInteger(1);

  OpenCommit(Path path, Backend backend) {
    Snapshot snapshot = Snapshot.open(path);
    try {
      this.searcher = new Searcher(snapshot, backend);
    } catch (RuntimeException | Error e) {
      snapshot.close();
      throw e;
    }
  }

  Searcher searcher() {
    return searcher;
  }

  long number() {
    return searcher.snapshot().manifest().commit();
  }

  /** Holds it until {@link #close}; false if it has gone. */
  boolean hold() {
    return holders.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
  }

  /** Ends one hold. */
  @Override
  public void close() {
    if (holders.decrementAndGet() == 0) {
      searcher.close();
      searcher.snapshot().close();
    }
  }
}
