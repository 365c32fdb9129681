package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The shares of values that training sets to zero, the rest being scaled up. What is drawn follows
 * from LibTorch's seed.
 *
 * @param hidden of embeddings and of what a layer adds
 * @param attention of attention weights
 */
public record Dropout(double hidden, double attention) {
  /** Inference. */
  public static final Dropout NONE = new Dropout(0, 0);

  Tensor apply(Tensor x) {
    return hidden == 0 ? x : torch.dropout(x, hidden, true);
  }

  Tensor applyToAttention(Tensor weights) {
    return attention == 0 ? weights : torch.dropout(weights, attention, true);
  }
}
