package dev.tartan.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs on the golden model. */
class TrainerTest {
  @TempDir Path directory;
  private TrainingData data;

  @BeforeEach
  void files() throws IOException {
    assumeTrue(Files.isDirectory(TinyTraining.GOLDEN), "no golden fixtures");
    data = new TinyTraining(directory).data();
  }

  @Test
  void oneSeedGivesOneModelAndAnotherAnother() throws IOException {
    train("a", 6, false, 7);
    train("b", 6, false, 7);
    train("c", 6, false, 8);
    assertArrayEquals(weights("a"), weights("b"));
    assertEquals(text("a", "training/log.csv"), text("b", "training/log.csv"));
    assertFalse(java.util.Arrays.equals(weights("a"), weights("c")));
  }

  @Test
  void threadsDoNotChangeTheModel() throws IOException {
    train("two", 6, true, 7);
    Trainer.train(
        TinyTraining.run(directory.resolve("one"), false, 1),
        TinyTraining.options(6, true, 7),
        data,
        Progress.NONE);
    assertArrayEquals(weights("two"), weights("one"));
    assertEquals(text("two", "training/log.csv"), text("one", "training/log.csv"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void resumedIsAsUninterrupted(boolean frozen) throws IOException {
    train("whole", 7, frozen, 3);
    Path cut = directory.resolve("cut");
    assertThrows(
        Interruption.class,
        () ->
            Trainer.train(
                TinyTraining.run(cut, false),
                TinyTraining.options(7, frozen, 3),
                data,
                new Interruption.At(5)));
    // Saved after step 4; step 5 is lost and done again.
    assertTrue(Files.isDirectory(cut.resolve("training/state-4")));
    Trainer.train(
        TinyTraining.run(cut, true), TinyTraining.options(7, frozen, 3), data, Progress.NONE);
    for (String file : new String[] {"weights.safetensors", "optimizer.safetensors"}) {
      assertArrayEquals(
          Files.readAllBytes(directory.resolve("whole/training/state-7").resolve(file)),
          Files.readAllBytes(cut.resolve("training/state-7").resolve(file)),
          file);
    }
    assertArrayEquals(weights("whole"), weights("cut"));
    assertEquals(text("whole", "training/log.csv"), text("cut", "training/log.csv"));
    assertEquals(text("whole", "training/curve.svg"), text("cut", "training/curve.svg"));
  }

  @Test
  void anotherRunIsNotResumedNorOverwritten() throws IOException {
    train("a", 3, true, 1);
    Path out = directory.resolve("a");
    TrainOptions others = TinyTraining.options(4, true, 1);
    TartanException taken =
        assertThrows(
            TartanException.class,
            () -> Trainer.train(TinyTraining.run(out, false), others, data, Progress.NONE));
    assertTrue(taken.getMessage().contains("--resume"), taken.getMessage());
    TartanException other =
        assertThrows(
            TartanException.class,
            () -> Trainer.train(TinyTraining.run(out, true), others, data, Progress.NONE));
    assertTrue(other.getMessage().contains("other options or data"), other.getMessage());
  }

  @Test
  void lossFallsAndTheBestModelIsKept() {
    TrainResult result = train("a", 30, false, 5);
    assertEquals(30, result.steps());
    TrainResult.Metrics metrics = Objects.requireNonNull(result.metrics());
    assertTrue(metrics.best() >= metrics.before(), metrics.toString());
  }

  private TrainResult train(String name, int steps, boolean frozen, long seed) {
    return Trainer.train(
        TinyTraining.run(directory.resolve(name), false),
        TinyTraining.options(steps, frozen, seed),
        data,
        Progress.NONE);
  }

  private byte[] weights(String name) throws IOException {
    return Files.readAllBytes(directory.resolve(name).resolve("model.safetensors"));
  }

  private String text(String name, String file) throws IOException {
    return Files.readString(directory.resolve(name).resolve(file));
  }

  /** What a power cut is to a run. */
  private static final class Interruption extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Throws when the run tells of so many steps. */
    private static final class At implements Progress {
      private final int steps;
      private int told;

      At(int steps) {
        this.steps = steps;
      }

      @Override
      public void stage(String name, String unit, long total) {}

      @Override
      public void advance(long units) {}

      @Override
      public void detail(String text) {
        if (++told == steps) {
          throw new Interruption();
        }
      }
    }
  }
}
