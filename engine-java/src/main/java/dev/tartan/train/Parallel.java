package dev.tartan.train;

import dev.tartan.memory.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;

/** Work that falls into independent pieces. */
final class Parallel {
  private Parallel() {}

  /** Runs {@code piece} for 0 to {@code count} - 1 on so many threads, and waits. */
  static void forEach(int count, int threads, IntConsumer piece) {
    forEach(count, threads, piece, _ -> {});
  }

  /**
   * As {@link #forEach(int, int, IntConsumer)}.
   *
   * @param done told of each piece, in their order, on the calling thread
   */
  static void forEach(int count, int threads, IntConsumer piece, IntConsumer done) {
    try (ExecutorService workers =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("tartan-train-", 0).factory())) {
      List<Future<?>> pieces = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        pieces.add(workers.submit(() -> piece.accept(number)));
      }
      try {
        for (int i = 0; i < count; i++) {
          Tasks.await(pieces.get(i), "training");
          done.accept(i);
        }
      } finally {
        workers.shutdownNow();
      }
    }
  }
}
