package dev.tartan.compute;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads that share out numbered tasks. The calling thread works too, so one
 * thread means no other thread at all.
 *
 * <p>A caller hands its job to threads that are idle at that moment and to no others: nothing is
 * ever queued, so that many callers at once can never wait for each other, and nothing is locked.
 * With as many callers as threads, each does its own work alone and the processors are not
 * oversubscribed. What nobody has begun when the caller runs out of tasks is taken back.
 */
public final class Workers implements AutoCloseable {
  /** How often a thread looks for work before it sleeps: some 20 microseconds. */
  private static final int SPINS = 500;

  private final Worker[] workers;
  private final AtomicInteger callers = new AtomicInteger();
  private volatile boolean closed;

  public Workers(int threads) {
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker();
      workers[i].thread = Thread.ofPlatform().daemon().name("tartan-worker-" + i).start(workers[i]);
    }
  }

  public int threads() {
    return workers.length + 1;
  }

  /** {@link #run(Job, int, IntConsumer)} with a job of its own. */
  public void run(int tasks, IntConsumer body) {
    run(new Job(), tasks, body);
  }

  /**
   * Runs {@code body} for 0 .. tasks-1, in any order, and returns when all are done. Rethrows the
   * first failure.
   *
   * @param job the caller's alone meanwhile; as good as new afterwards
   */
  public void run(Job job, int tasks, IntConsumer body) {
    if (workers.length == 0 || tasks <= 1) {
      for (int i = 0; i < tasks; i++) {
        body.accept(i);
      }
      return;
    }
    int idle = threads() - callers.incrementAndGet();
    try {
      share(job, tasks, body, Math.min(idle, tasks - 1));
    } finally {
      callers.decrementAndGet();
    }
  }

  /**
   * {@link #run(int, IntConsumer)} of tasks that call {@code run} themselves: this caller does not
   * count as busy, since those do.
   */
  public void runWhole(int tasks, IntConsumer body) {
    share(new Job(), tasks, body, tasks - 1);
  }

  private void share(Job job, int tasks, IntConsumer body, int helpers) {
    job.start(tasks, body);
    int offered = 0;
    for (int i = 0; i < workers.length && offered < helpers; i++) {
      offered += workers[i].offer(job) ? 1 : 0;
    }
    job.work();
    for (int i = 0; i < workers.length && offered > job.left.get(); i++) {
      offered -= workers[i].takeBack(job) ? 1 : 0;
    }
    job.await(offered);
    job.end();
  }

  /** Whose task this is, where {@code firstTask} tells the first of each owner and the end. */
  public static int ownerOf(int[] firstTask, int owners, int task) {
    int q = Arrays.binarySearch(firstTask, 0, owners + 1, task);
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
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker.thread);
    }
  }

  /** A thread that waits for one job at a time. */
  private final class Worker implements Runnable {
    /** What is offered; this worker's {@link #busy} while it works; else null. */
    private final AtomicReference<@Nullable Job> hand = new AtomicReference<>();

    private final Job busy = new Job();
    private @Nullable Thread thread;
    private volatile boolean asleep;

    boolean offer(Job job) {
      if (hand.get() != null || !hand.compareAndSet(null, job)) {
        return false;
      }
      if (asleep) {
        LockSupport.unpark(thread);
      }
      return true;
    }

    boolean takeBack(Job job) {
      return hand.compareAndSet(job, null);
    }

    @Override
    public void run() {
      int looks = 0;
      while (!closed) {
        Job job = hand.get();
        if (job != null && hand.compareAndSet(job, busy)) {
          job.work();
          hand.set(null);
          job.leave();
          looks = 0;
        } else if (looks++ < SPINS) {
          Thread.onSpinWait();
        } else {
          sleep();
          looks = 0;
        }
      }
    }

    private void sleep() {
      asleep = true;
      if (hand.get() == null && !closed) {
        LockSupport.park(this);
      }
      asleep = false;
    }
  }

  /**
   * Numbered tasks while they are shared out. May be used again and again, by one caller at a time.
   */
  public static final class Job {
    private final AtomicInteger next = new AtomicInteger();

    /** Workers that have done with it. */
    private final AtomicInteger left = new AtomicInteger();

    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private int tasks;
    private @Nullable IntConsumer body;
    private volatile @Nullable Thread waiting;

    private void start(int count, IntConsumer work) {
      tasks = count;
      body = work;
      left.set(0);
      next.set(0); // the last: a worker sees the others when it sees this
    }

    private void work() {
      IntConsumer work = body;
      for (int i = next.getAndIncrement(); work != null && i < tasks; i = next.getAndIncrement()) {
        try {
          work.accept(i);
        } catch (RuntimeException | Error e) {
          failure.compareAndSet(null, e);
          next.set(tasks); // the rest is not begun
        }
      }
    }

    /** The last that a worker does with a job, which its caller may use anew from here on. */
    private void leave() {
      left.incrementAndGet();
      Thread caller = waiting;
      if (caller != null) {
        LockSupport.unpark(caller);
      }
    }

    private void await(int helpers) {
      int looks = 0;
      boolean interrupted = false;
      waiting = Thread.currentThread();
      while (left.get() < helpers) {
        if (looks++ < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
          interrupted |= Thread.interrupted();
        }
      }
      waiting = null;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    private void end() {
      body = null;
      Throwable thrown = failure.getAndSet(null);
      if (thrown instanceof RuntimeException e) {
        throw e;
      }
      if (thrown instanceof Error e) {
        throw e;
      }
    }
  }
}
