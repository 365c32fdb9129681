package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer.
 *
 * @param weight [out, in]
 * @param bias [out], or an empty optional
 * @param packed the same for inference; null where gradients are wanted, or a weight is one of many
 *     of which a text needs few
 */
record Linear(Tensor weight, TensorOptional bias, @Nullable PackedLinear packed) {
  /** The layer called {@code name}, with a bias. */
  static Linear of(Parameters parameters, String name, long out, long in) {
    return of(parameters, name, out, in, true);
  }

  static Linear of(Parameters parameters, String name, long out, long in, boolean bias) {
    return of(
        parameters,
        parameters.get(name + ".weight", out, in),
        bias ? parameters.optional(name + ".bias", out) : parameters.none());
  }

  static Linear of(Parameters parameters, Tensor weight, TensorOptional bias) {
    PackedLinear packed =
        parameters.trains()
            ? null
            : PackedLinear.of(parameters, weight, bias.has_value() ? bias.get() : null);
    return new Linear(weight, bias, packed);
  }

  /** [rows, in] to [rows, out]. */
  Tensor apply(Tensor x) {
    return packed == null ? torch.linear(x, weight, bias) : packed.apply(x);
  }
}
