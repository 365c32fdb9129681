package dev.tartan.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PoolTest {
  @Test
  void givesBackWhatItWasGivenAndNoMoreThanFits() {
    Pool<String> pool = new Pool<>(2);
    assertNull(pool.take());
    assertTrue(pool.give("a"));
    assertTrue(pool.give("b"));
    assertFalse(pool.give("c"));
    assertEquals("a", pool.take());
    assertTrue(pool.give("d"));
    assertEquals("d", pool.take());
    assertEquals("b", pool.take());
    assertNull(pool.take());
  }

  @Test
  void nobodySharesAnObject() throws InterruptedException {
    Pool<AtomicInteger> pool = new Pool<>(3);
    AtomicInteger shared = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 6; t++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < 20_000; i++) {
                      AtomicInteger mine = pool.take();
                      mine = mine == null ? new AtomicInteger() : mine;
                      shared.addAndGet(mine.incrementAndGet() == 1 ? 0 : 1);
                      mine.decrementAndGet();
                      pool.give(mine);
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(0, shared.get());
  }
}
