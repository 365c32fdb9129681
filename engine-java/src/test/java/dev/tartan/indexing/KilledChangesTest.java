package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that are killed at any instant of adding, deleting, updating, merging, compacting and
 * retraining: what was committed is there, and nothing else. The system property {@code
 * tartan.kills} says how many are killed in the slow test, 40 if it is not set.
 */
class KilledChangesTest {
  private static final long SEED = 5;
  private static final int KILLS = Integer.getInteger("tartan.kills", 40);
  private static final int MOST_MILLIS = 1000;

  @TempDir Path directory;

  @Test
  void killedSixTimes() throws Exception {
    killed(6);
  }

  @Test
  @Tag("slow")
  void killedManyTimes() throws Exception {
    killed(KILLS);
  }

  private void killed(int times) throws Exception {
    Path index = directory.resolve("index");
    Changes.start(index);
    SplittableRandom random = new SplittableRandom(SEED);
    int done = 0;
    int interrupted = 0;
    for (int i = 0; i < times; i++) {
      int told = run(index, done + 1, random.nextInt(MOST_MILLIS));
      Map<String, List<Integer>> held = Changes.held(index);
      boolean finished = held.equals(Changes.expected(told));
      int before = told - 1;
      if (!finished) {
        interrupted++;
        assertEquals(Changes.expected(before), held, "kill " + i + " in change " + told);
      }
      assertTrue(told >= done, "changes that were told");
      done = finished ? told : before;
    }
    assertTrue(times < 20 || done > times / 20, done + " changes");
    assertTrue(interrupted > times / 20, interrupted + " kills within a change");
    System.out.printf(
        "%d kills, %d of them within a change, %d changes; no commit lost%n",
        times, interrupted, done);
  }

  /**
   * Runs the child for so many milliseconds from its first change; returns the last change that it
   * began. Each that it said was done must be there: {@link #killed} checks the last, and the next
   * child begins where this one ended.
   */
  private static int run(Path index, int first, int millis) throws IOException {
    Process child = Child.start(Child.CHANGE + first, index);
    try (BufferedReader words = child.inputReader(Child.CHARSET)) {
      String word = words.readLine();
      while (word != null && !word.startsWith("begin ")) {
        word = words.readLine(); // which backends there are
      }
      assertEquals("begin " + first, word);
      Thread killer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      Thread.sleep(millis);
                    } catch (InterruptedException e) {
                      Thread.currentThread().interrupt();
                    }
                    child.toHandle().destroyForcibly(); // what it said can still be read
                  });
      int begun = first;
      int done = first - 1;
      for (word = words.readLine(); word != null; word = words.readLine()) {
        if (word.startsWith("begin ")) {
          begun = Integer.parseInt(word.substring(6));
        } else if (word.startsWith("done ")) {
          done = Integer.parseInt(word.substring(5));
        } else {
          throw new AssertionError(word);
        }
      }
      killer.join();
      assertTrue(done == begun || done == begun - 1, done + " of " + begun);
      return begun;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      child.destroyForcibly();
    }
  }
}
