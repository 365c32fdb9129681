package dev.tartan.memory;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A bounded number of spare objects, kept for reuse. Safe for any number of threads, without a lock
 * and without making objects itself. The first spare is taken first, so that few are in use.
 */
public final class Pool<T> {
  private final AtomicReferenceArray<@Nullable T> slots;

  /** A pool that keeps up to {@code size} spares. */
  public Pool(int size) {
    this.slots = new AtomicReferenceArray<>(size);
  }

  /** A spare, from now on the caller's alone; null if there is none. */
  public @Nullable T take() {
    for (int i = 0; i < slots.length(); i++) {
      T spare = slots.get(i);
      if (spare != null && slots.compareAndSet(i, spare, null)) {
        return spare;
      }
    }
    return null;
  }

  /** Keeps {@code spare} for others. False if the pool is full: the caller lets it go. */
  public boolean give(T spare) {
    for (int i = 0; i < slots.length(); i++) {
      if (slots.get(i) == null && slots.compareAndSet(i, null, spare)) {
        return true;
      }
    }
    return false;
  }
}
