package dev.tartan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.encode.model.Torch;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The parts of a step by themselves. */
class StepTest {
  @BeforeAll
  static void libtorch() {
    Torch.load();
  }

  @Test
  void rateRisesAndFallsByStraightLines() {
    TrainOptions options = TrainOptions.of(100, 4);
    assertEquals(1e-6, options.rate(0), 1e-12);
    assertEquals(1e-5, options.rate(9), 1e-12);
    assertEquals(1e-5, options.rate(10), 1e-12);
    assertEquals(0.5e-5, options.rate(55), 1e-12);
    assertEquals(1e-5 / 90, options.rate(99), 1e-12);
    assertEquals(1, new TrainOptions.Schedule(0, false).factor(99, 100));
  }

  @Test
  void anEpochHasEveryExampleOnce() {
    ExampleOrder order = new ExampleOrder(10, 1);
    StringBuilder epochs = new StringBuilder();
    for (int epoch = 0; epoch < 3; epoch++) {
      BitSet seen = new BitSet();
      for (int step = 0; step < 2; step++) {
        for (int example : order.batch(2 * epoch + step, 5)) {
          seen.set(example);
          epochs.append(example);
        }
      }
      assertEquals(10, seen.cardinality());
    }
    assertTrue(!epochs.substring(0, 10).equals(epochs.substring(10, 20)), epochs.toString());
    // A step does not need those before it.
    assertEquals(
        epochs.substring(15, 20),
        java.util.Arrays.stream(new ExampleOrder(10, 1).batch(3, 5))
            .mapToObj(Integer::toString)
            .reduce("", String::concat));
  }

  @Test
  void clippingKeepsTheDirection() {
    try (Arena arena = Arena.ofShared();
        PointerScope _ = new PointerScope()) {
      Tensor weight = Torch.floats(new float[] {1, 2}, 2);
      weight.set_requires_grad(true);
      AdamW optimizer = new AdamW(Map.of("w", weight), 0, arena);
      weight.mul(Torch.floats(new float[] {3, 4}, 2)).sum().backward();
      assertEquals(5, optimizer.clip(2), 1e-6);
      float[] gradient = Torch.toArray(weight.grad());
      assertEquals(1.2, gradient[0], 1e-5);
      assertEquals(1.6, gradient[1], 1e-5);
      assertEquals(2, optimizer.clip(3), 1e-5);
      optimizer.step(0.1);
      // The first step of Adam is the rate, whatever the gradient.
      assertEquals(0.9, Torch.toArray(weight)[0], 1e-5);
      assertEquals(1.9, Torch.toArray(weight)[1], 1e-5);
      assertTrue(!weight.grad().defined());
    }
  }

  @Test
  void temperatureFlattensTheTeacher() {
    try (PointerScope _ = new PointerScope()) {
      Rows query = new Rows(Torch.floats(new float[] {1, 0}, 1, 2), new int[] {1});
      // MaxSim 1 and 0 beside a teacher's 2 and 0: equal at temperature 2.
      Rows passages =
          new Rows(Torch.floats(new float[] {0, 1, 1, 0, 0, 1}, 3, 2), new int[] {2, 1});
      float[] teacher = {2, 0};
      assertEquals(0, loss(2, query, passages, teacher), 1e-6);
      double p = 1 / (1 + Math.exp(-2));
      double q = 1 / (1 + Math.exp(-1));
      double expected = p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
      assertEquals(expected, loss(1, query, passages, teacher), 1e-6);
      // Without a teacher: the first passage is the right one.
      assertEquals(-Math.log(q), loss(1, query, passages, null), 1e-6);
    }
  }

  private static double loss(double temperature, Rows query, Rows passages, float[] teacher) {
    return new Distillation(2, temperature, false)
        .loss(query, passages, teacher)
        .total()
        .item_double();
  }

  @Test
  void optionsThatMakeNoSenseAreNamed() {
    TartanException e = assertThrows(TartanException.class, () -> TrainOptions.of(0, 4));
    assertTrue(e.getMessage().contains("steps is 0"), e.getMessage());
    assertThrows(TartanException.class, () -> new NegativeMiner(5, 3, 7, 1));
  }
}
