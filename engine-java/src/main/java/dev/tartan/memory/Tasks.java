package dev.tartan.memory;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waiting for work that other threads do. */
public final class Tasks {
  private Tasks() {}

  /**
   * The result of {@code task}.
   *
   * @param work what it is part of, for messages: "encoding"
   * @throws TartanException if this thread is interrupted, which it stays marked as, or the task
   *     failed by a checked exception or an error
   * @throws RuntimeException that the task threw
   */
  public static <T> T await(Future<T> task, String work) {
    try {
      return task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TartanException(work + " was interrupted", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new TartanException(work + " failed: " + e.getCause(), e);
    }
  }
}
