package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A linear layer.
 *
 * @param weight [out, in]
 * @param bias [out], or an empty optional
 */
record Linear(Tensor weight, TensorOptional bias) {
  /** The layer called {@code name}, with a bias. */
  static Linear of(Parameters parameters, String name, long out, long in) {
    return of(parameters, name, out, in, true);
  }

  static Linear of(Parameters parameters, String name, long out, long in, boolean bias) {
    return new Linear(
        parameters.get(name + ".weight", out, in),
        bias ? parameters.optional(name + ".bias", out) : parameters.none());
  }

  /** [rows, in] to [rows, out]. */
  Tensor apply(Tensor x) {
    return torch.linear(x, weight, bias);
  }
}
