package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Layer normalisation (1607.06450).
 *
 * @param weight [size]
 * @param bias [size], or an empty optional
 */
record Norm(TensorOptional weight, TensorOptional bias, long size, double epsilon) {
  /** The layer called {@code name}, with a bias. */
  static Norm of(Parameters parameters, String name, long size, double epsilon) {
    return of(parameters, name, size, epsilon, true);
  }

  static Norm of(Parameters parameters, String name, long size, double epsilon, boolean bias) {
    return new Norm(
        parameters.optional(name + ".weight", size),
        bias ? parameters.optional(name + ".bias", size) : parameters.none(),
        size,
        epsilon);
  }

  /** [rows, size] to the same. */
  Tensor apply(Tensor x) {
    return torch.layer_norm(x, new long[] {size}, weight, bias, epsilon, false);
  }
}
