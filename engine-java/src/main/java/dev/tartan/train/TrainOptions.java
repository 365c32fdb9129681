package dev.tartan.train;

import dev.tartan.encode.model.Dropout;
import dev.tartan.memory.TartanException;
import org.jspecify.annotations.Nullable;

/**
 * What decides the result of a run, together with model and data. Immutable; the {@code with}
 * methods give changed copies.
 *
 * @param steps updates of the weights
 * @param rate the highest learning rate
 * @param schedule how the rate changes
 * @param batch examples a step
 * @param accumulate parts that a step's examples are cut into, so that memory is needed for one;
 *     in-batch negatives come from the same part
 * @param loss what is minimised
 * @param weightDecay of AdamW
 * @param clip the largest norm of all gradients together
 * @param dropout what to leave out; null for what the checkpoint states
 * @param frozenBackbone whether only the projection is trained
 * @param seed of order and dropout
 */
public record TrainOptions(
    int steps,
    double rate,
    Schedule schedule,
    int batch,
    int accumulate,
    Distillation loss,
    double weightDecay,
    double clip,
    @Nullable Dropout dropout,
    boolean frozenBackbone,
    long seed) {

  /**
   * How the learning rate goes.
   *
   * @param warmup steps in which it rises from 0
   * @param decays whether it then falls to 0 at the end, by a straight line
   */
  public record Schedule(int warmup, boolean decays) {
    double factor(int step, int steps) {
      if (step < warmup) {
        return (step + 1.0) / warmup;
      }
      return decays ? (double) (steps - step) / (steps - warmup) : 1;
    }
  }

  /**
   * Checks the values.
   *
   * @throws TartanException that names the first one that makes no sense
   */
  public TrainOptions {
    require(steps >= 1, "steps", steps, "at least 1 is needed");
    require(rate > 0 && rate < 1, "lr", rate, "it must lie between 0 and 1");
    require(
        schedule.warmup() >= 0 && schedule.warmup() < steps,
        "warmup",
        schedule.warmup(),
        "there are %d steps".formatted(steps));
    require(batch >= 1, "batch", batch, "at least 1 is needed");
    require(
        accumulate >= 1 && batch % accumulate == 0,
        "accumulate",
        accumulate,
        "it must divide the batch of %d".formatted(batch));
    require(loss.nway() >= 2, "nway", loss.nway(), "at least 2 are needed");
    require(loss.temperature() > 0, "temperature", loss.temperature(), "it must be positive");
    require(weightDecay >= 0, "weight decay", weightDecay, "it must not be negative");
    require(clip > 0, "clip", clip, "it must be positive");
    if (dropout != null) {
      require(
          dropout.hidden() >= 0 && dropout.hidden() < 1,
          "dropout",
          dropout.hidden(),
          "it must be at least 0 and less than 1");
    }
  }

  private static void require(boolean holds, String name, Object value, String why) {
    if (!holds) {
      throw new TartanException("%s is %s; %s".formatted(name, value, why));
    }
  }

  /** Rate 1e-5, batches of 32 in one part, linear schedule with a tenth of warm-up. */
  public static TrainOptions of(int steps, int nway) {
    return new TrainOptions(
        steps,
        1e-5,
        new Schedule(steps / 10, true),
        32,
        1,
        new Distillation(nway, 1, false),
        0.01,
        2,
        null,
        false,
        42);
  }

  /** The learning rate of {@code step}, counted from 0. */
  double rate(int step) {
    return rate * schedule.factor(step, steps);
  }
}
