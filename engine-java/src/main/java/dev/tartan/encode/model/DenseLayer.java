package dev.tartan.encode.model;

import dev.tartan.checkpoint.Weights;

/**
 * Where a dense layer between a backbone and the rows of a model is stored.
 *
 * @param weights the file that holds it
 * @param prefix of its tensors' names, such as {@code linear.} of {@code linear.weight} [out, in]
 *     and {@code linear.bias} [out], which may be missing
 * @param activation applied to its output, by the name that {@code config.json} would use or by the
 *     class name that sentence-transformers uses
 * @param residual whether its input is added to that; by way of {@code residual.weight} [out, in]
 *     where the sizes differ (PyLate)
 */
public record DenseLayer(Weights weights, String prefix, String activation, boolean residual) {
  /** The linear layer that ColBERT puts on a backbone. */
  public static DenseLayer linear(Weights weights) {
    return new DenseLayer(weights, "linear.", "identity", false);
  }
}
