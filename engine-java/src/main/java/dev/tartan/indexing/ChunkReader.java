package dev.tartan.indexing;

import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Reads a source front to back in chunks of unit-length rows. A thread of its own reads, converts
 * and normalises the next chunk while the caller computes with this one. Confined to one thread.
 */
final class ChunkReader implements AutoCloseable {
  /** Rows a chunk: enough that preparing the centroids for it costs next to nothing. */
  static final int CHUNK = 1 << 16;

  private final EmbeddingSource source;
  private final Arena arena = Arena.ofShared();
  private final Matrix[] buffers = new Matrix[2];
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("tartan-reader").factory());
  private @Nullable Future<Matrix> ahead;
  private long started;
  private int turn;

  ChunkReader(EmbeddingSource source) {
    this.source = source;
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = Matrix.allocate(arena, Math.min(CHUNK, source.tokens()), source.dim());
    }
    start();
  }

  /**
   * The next rows; null after the last. They are valid until the next call.
   *
   * @throws dev.tartan.memory.TartanException if the source fails or a row has no direction
   */
  @Nullable Matrix next() {
    if (ahead == null) {
      return null;
    }
    Matrix rows = await(ahead);
    start();
    return rows;
  }

  private void start() {
    long first = started;
    long n = Math.min(CHUNK, source.tokens() - first);
    if (n <= 0) {
      ahead = null;
      return;
    }
    Matrix rows = buffers[turn].slice(0, n);
    turn = 1 - turn;
    started += n;
    ahead =
        thread.submit(
            () -> {
              source.read(first, rows);
              rows.normalizeRows(source.name(), first);
              return rows;
            });
  }

  private static Matrix await(Future<Matrix> future) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Waits for the chunk under way. */
  @Override
  public void close() {
    thread.close();
    arena.close();
  }
}
