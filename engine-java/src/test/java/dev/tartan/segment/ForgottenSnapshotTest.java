package dev.tartan.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A reader that is left open is reported, and its memory is given back. */
class ForgottenSnapshotTest {
  @TempDir Path directory;

  /** Keeps what is logged. */
  private static final class Kept extends Handler {
    private final List<String> messages = new CopyOnWriteArrayList<>();

    @Override
    public void publish(LogRecord told) {
      messages.add(new SimpleFormatter().formatMessage(told));
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void isReported() throws Exception {
    TestIndex.write(directory, IndexOptions.of(16, 2), TestIndex.docs(1, 5, 16, 1));
    Logger logger = Logger.getLogger(Snapshot.class.getName());
    Kept kept = new Kept();
    logger.addHandler(kept);
    logger.setUseParentHandlers(false);
    try {
      Snapshot.open(directory).close();
      forget();
      for (int i = 0; i < 200 && kept.messages.isEmpty(); i++) {
        System.gc();
        Thread.sleep(20);
      }
      assertEquals(1, kept.messages.size(), "the one that was not closed");
      String told = kept.messages.getFirst();
      assertTrue(told.contains("commit 1 of " + directory), told);
      assertTrue(told.contains("never closed"), told);
      assertEquals(0, mapped());
    } finally {
      logger.removeHandler(kept);
      logger.setUseParentHandlers(true);
    }
  }

  @SuppressWarnings("MustBeClosedChecker")
  private void forget() {
    assertEquals(5, Snapshot.open(directory).manifest().documents());
  }

  private long mapped() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    return Files.exists(maps)
        ? Files.readAllLines(maps).stream().filter(l -> l.contains(directory.toString())).count()
        : 0;
  }
}
