package dev.tartan.encode.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** The dense layers between a backbone and the rows of a model: ColBERT has one. */
final class Head implements AutoCloseable {
  private record Layer(
      Linear linear, Activation activation, boolean residual, @Nullable Linear shortcut) {
    Tensor apply(Tensor x) {
      Tensor y = activation.apply(linear.apply(x));
      return residual ? y.add(shortcut == null ? x : shortcut.apply(x)) : y;
    }
  }

  private final List<Layer> layers = new ArrayList<>();
  private final List<Parameters> parameters = new ArrayList<>();
  private final int dim;

  /**
   * @throws dev.tartan.memory.TartanException if a tensor is missing or does not fit the layer
   *     before
   */
  Head(List<DenseLayer> stored, int hiddenSize, Arena arena) {
    this(stored, hiddenSize, arena, false);
  }

  /** As the other, with gradients if {@code trains}. */
  Head(List<DenseLayer> stored, int hiddenSize, Arena arena, boolean trains) {
    int in = hiddenSize;
    for (DenseLayer dense : stored) {
      Parameters tensors = new Parameters(dense.weights(), arena, trains);
      parameters.add(tensors);
      String weight = dense.prefix() + "weight";
      String bias = dense.prefix() + "bias";
      int out = tensors.extent(weight, 0);
      Linear linear =
          Linear.of(
              tensors,
              tensors.get(weight, out, in),
              tensors.has(bias) ? tensors.optional(bias, out) : tensors.none());
      Linear shortcut =
          dense.residual() && in != out ? Linear.of(tensors, "residual", out, in, false) : null;
      Activation activation = Activation.of(dense.weights().source(), dense.activation());
      layers.add(new Layer(linear, activation, dense.residual(), shortcut));
      in = out;
    }
    this.dim = in;
  }

  int dim() {
    return dim;
  }

  /** The tensors of each layer. */
  List<Parameters> parameters() {
    return parameters;
  }

  /** [rows, hiddenSize] to [rows, dim]. */
  Tensor apply(Tensor rows) {
    Tensor x = rows;
    for (Layer layer : layers) {
      x = layer.apply(x);
    }
    return x;
  }

  @Override
  public void close() {
    parameters.forEach(Parameters::close);
  }
}
