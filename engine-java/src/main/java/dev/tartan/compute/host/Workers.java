package dev.tartan.compute.host;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads that share out numbered tasks. The calling thread works too, so one
 * thread means no other thread at all, and many callers at once can never wait for each other.
 */
final class Workers implements AutoCloseable {
  private final int threads;
  private final @Nullable ExecutorService pool;

  Workers(int threads) {
    this.threads = threads;
    this.pool =
        threads == 1
            ? null
            : Executors.newFixedThreadPool(
                threads - 1, Thread.ofPlatform().daemon().name("tartan-worker-", 0).factory());
  }

  int threads() {
    return threads;
  }

  /**
   * Runs {@code body} for 0 .. tasks-1, in any order, and returns when all are done. Rethrows the
   * first failure.
   */
  void run(int tasks, IntConsumer body) {
    if (pool == null || tasks <= 1) {
      for (int i = 0; i < tasks; i++) {
        body.accept(i);
      }
      return;
    }
    Job job = new Job(tasks, body);
    for (int i = 0; i < Math.min(threads, tasks) - 1; i++) {
      pool.execute(job);
    }
    job.run();
    job.await();
  }

  /** Whose task this is, where {@code firstTask} tells the first of each and the end. */
  static int ownerOf(int[] firstTask, int task) {
    int q = Arrays.binarySearch(firstTask, task);
    if (q < 0) {
      return -q - 2;
    }
    while (firstTask[q + 1] == task) { // those without tasks share a start
      q++;
    }
    return q;
  }

  @Override
  public void close() {
    if (pool != null) {
      pool.shutdown();
    }
  }

  private static final class Job implements Runnable {
    private final int tasks;
    private final IntConsumer body;
    private final AtomicInteger next = new AtomicInteger();
    private final CountDownLatch open;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Job(int tasks, IntConsumer body) {
      this.tasks = tasks;
      this.body = body;
      this.open = new CountDownLatch(tasks);
    }

    @Override
    public void run() {
      for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
        try {
          if (failure.get() == null) {
            body.accept(i);
          }
        } catch (RuntimeException | Error e) {
          failure.compareAndSet(null, e);
        } finally {
          open.countDown();
        }
      }
    }

    void await() {
      boolean interrupted = false;
      while (true) {
        try {
          open.await();
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      Throwable thrown = failure.get();
      if (thrown instanceof RuntimeException e) {
        throw e;
      }
      if (thrown instanceof Error e) {
        throw e;
      }
    }
  }
}
