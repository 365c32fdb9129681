package dev.tartan.train;

import dev.tartan.checkpoint.ElementType;
import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.model.Torch;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * AdamW (1711.05101) with betas 0.9 and 0.999 and epsilon 1e-8, as PyTorch computes it. Its moments
 * lie in memory of our own, so that they can be stored and read without LibTorch's archives.
 */
final class AdamW {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final double weightDecay;
  private final List<Slot> slots = new ArrayList<>();

  /**
   * One parameter.
   *
   * @param steps the updates so far, one int64
   */
  private record Slot(
      String name, Tensor weight, MemorySegment first, MemorySegment second, MemorySegment steps) {
    StoredTensor stored(MemorySegment moment) {
      return StoredTensor.of(ElementType.F32, weight.sizes().vec().get(), moment);
    }

    Tensor shared(MemorySegment moment) {
      return Torch.share(moment, weight.sizes().vec().get());
    }
  }

  /**
   * @param trained parameters by name; must outlive this
   * @param weightDecay taken off every parameter at each step, as a share of it times the rate
   * @param arena for the moments
   */
  AdamW(Map<String, Tensor> trained, double weightDecay, Arena arena) {
    this.weightDecay = weightDecay;
    trained.forEach(
        (name, weight) -> {
          long bytes = weight.numel() * Float.BYTES;
          slots.add(
              new Slot(
                  name,
                  weight,
                  arena.allocate(bytes, 64),
                  arena.allocate(bytes, 64),
                  arena.allocate(Long.BYTES, 64)));
        });
  }

  /**
   * Scales gradients down to a norm of {@code limit} where that of all together is larger.
   *
   * @return the norm before
   */
  double clip(double limit) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      double squares = 0;
      for (Slot slot : slots) {
        if (slot.weight.grad().defined()) {
          double norm = slot.weight.grad().norm().item_double();
          squares += norm * norm;
        }
      }
      double norm = Math.sqrt(squares);
      if (norm > limit) {
        for (Slot slot : slots) {
          if (slot.weight.grad().defined()) {
            slot.weight.grad().mul_(new Scalar(limit / (norm + 1e-6)));
          }
        }
      }
      return norm;
    }
  }

  /** Moves every parameter that has a gradient, and drops the gradients. */
  void step(double rate) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (Slot slot : slots) {
        Tensor gradient = slot.weight.grad();
        if (gradient.defined()) {
          update(slot, gradient, rate);
          slot.weight.mutable_grad().reset();
        }
      }
    }
  }

  private void update(Slot slot, Tensor gradient, double rate) {
    long step = slot.steps.get(Layouts.I64, 0) + 1;
    slot.steps.set(Layouts.I64, 0, step);
    Tensor first = slot.shared(slot.first);
    Tensor second = slot.shared(slot.second);
    slot.weight.mul_(new Scalar(1 - rate * weightDecay));
    first.lerp_(gradient, new Scalar(1 - BETA1));
    second.mul_(new Scalar(BETA2)).addcmul_(gradient, gradient, new Scalar(1 - BETA2));
    double correction1 = 1 - Math.pow(BETA1, (double) step);
    double correction2 = Math.sqrt(1 - Math.pow(BETA2, (double) step));
    Tensor denominator = second.sqrt().div_(new Scalar(correction2)).add_(new Scalar(EPSILON));
    slot.weight.addcdiv_(first, denominator, new Scalar(-rate / correction1));
  }

  /** The moments under the names of the parameters, sharing memory with this. */
  Map<String, StoredTensor> state() {
    Map<String, StoredTensor> state = new LinkedHashMap<>();
    for (Slot slot : slots) {
      state.put("first." + slot.name, slot.stored(slot.first));
      state.put("second." + slot.name, slot.stored(slot.second));
      state.put("steps." + slot.name, StoredTensor.of(ElementType.I64, new long[] {1}, slot.steps));
    }
    return state;
  }

  /** Takes over what {@link #state} gave. */
  void restore(Weights stored) {
    state().forEach((name, tensor) -> tensor.bytes().copyFrom(stored.tensor(name).bytes()));
  }
}
