package dev.tartan.compute;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkersTest {
  @Test
  void everyTaskRunsOnceWhateverTheThreads() {
    for (int threads : new int[] {1, 2, 5}) {
      try (Workers workers = new Workers(threads)) {
        Workers.Job job = new Workers.Job();
        for (int tasks = 0; tasks < 300; tasks++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
          workers.run(job, tasks, runs::incrementAndGet);
          int[] counts = new int[tasks];
          Arrays.setAll(counts, runs::get);
          int[] ones = new int[tasks];
          Arrays.fill(ones, 1);
          assertArrayEquals(ones, counts);
        }
      }
    }
  }

  @Test
  void manyCallersOfBothKindsWhoseTasksCallAgain() throws InterruptedException {
    AtomicInteger done = new AtomicInteger();
    try (Workers workers = new Workers(3)) {
      List<Thread> callers = new ArrayList<>();
      for (int c = 0; c < 16; c++) {
        Runnable caller =
            () -> {
              Workers.Job mine = new Workers.Job();
              for (int i = 0; i < 200; i++) {
                workers.run(mine, 7, t -> done.incrementAndGet());
                workers.runWhole(3, t -> workers.run(5, u -> done.incrementAndGet()));
              }
            };
        callers.add(
            c % 2 == 0 ? Thread.ofPlatform().start(caller) : Thread.ofVirtual().start(caller));
      }
      for (Thread caller : callers) {
        caller.join();
      }
    }
    assertEquals(16 * 200 * (7 + 15), done.get());
  }

  @Test
  void anIdleThreadHelpsAndNoMoreThanThereAre() throws InterruptedException {
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    try (Workers workers = new Workers(3)) {
      CountDownLatch all = new CountDownLatch(3); // opens only if three threads are in at once
      workers.run(
          30,
          t -> {
            seen.add(Thread.currentThread());
            all.countDown();
            try {
              all.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          });
    }
    assertEquals(3, seen.size());
    assertTrue(seen.contains(Thread.currentThread()));
  }

  @Test
  void theFirstFailureIsThrownAndTheThreadsGoOn() {
    try (Workers workers = new Workers(3)) {
      for (int i = 0; i < 50; i++) {
        IllegalStateException e =
            assertThrows(
                IllegalStateException.class,
                () ->
                    workers.run(
                        20,
                        t -> {
                          if (t == 4) {
                            throw new IllegalStateException("task 4");
                          }
                        }));
        assertEquals("task 4", e.getMessage());
      }
      AtomicInteger done = new AtomicInteger();
      workers.run(20, t -> done.incrementAndGet());
      assertEquals(20, done.get());
    }
  }
}
