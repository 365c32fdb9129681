package dev.tartan.checkpoint.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** Closes a stream that gives nothing for a minute, so that whoever waits for it goes on. */
final class StallGuard implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Duration patience;
  private final Thread watch;
  private volatile long last = System.nanoTime();

  StallGuard(InputStream in) {
    this(in, PATIENCE);
  }

  StallGuard(InputStream in, Duration patience) {
    this.patience = patience;
    this.watch = Thread.ofVirtual().start(() -> watch(in));
  }

  void moved() {
    last = System.nanoTime();
  }

  private void watch(InputStream in) {
    try {
      while (System.nanoTime() - last < patience.toNanos()) {
        Thread.sleep(patience.dividedBy(10));
      }
      in.close();
    } catch (InterruptedException | IOException e) {
      Thread.currentThread().interrupt(); // the stream has ended
    }
  }

  @Override
  public void close() {
    watch.interrupt();
  }
}
