package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The linear layer that ColBERT puts on a backbone: {@code linear.weight}, mostly without bias. */
final class Projection {
  private static final String WEIGHT = "linear.weight";
  private static final String BIAS = "linear.bias";

  private final Tensor weight;
  private final TensorOptional bias;

  Projection(Parameters parameters, int hiddenSize) {
    int out = parameters.extent(WEIGHT, 0);
    this.weight = parameters.get(WEIGHT, out, hiddenSize);
    this.bias = parameters.has(BIAS) ? parameters.optional(BIAS, out) : parameters.none();
  }

  int dim() {
    return (int) weight.size(0);
  }

  /** [rows, hiddenSize] to [rows, dim]. */
  Tensor apply(Tensor rows) {
    return torch.linear(rows, weight, bias);
  }
}
