package dev.tartan.encode.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Scaled dot-product attention (1706.03762). */
final class Attention {
  private Attention() {}

  /**
   * LibTorch's fused kernel where no gradient is wanted. Its backward pass rounds otherwise than
   * the textbook's, enough for the best match of a token to be another one than in the reference
   * framework; so training goes by the textbook.
   *
   * @param query [sequences, heads, length, size]; key and value alike
   * @param attended as in {@link Backbone#forward}
   */
  static Tensor apply(
      Tensor query, Tensor key, Tensor value, Tensor attended, Dropout dropout) {
    if (!query.requires_grad()) {
      return torch.scaled_dot_product_attention(
          query,
          key,
          value,
          attended.defined() ? new TensorOptional(attended) : new TensorOptional(),
          0.0,
          false,
          new DoubleOptional(),
          false);
    }
    Scalar scale = new Scalar(1 / Math.sqrt(query.size(3)));
    Tensor scores = torch.matmul(query, key.transpose(2, 3)).mul(scale);
    Tensor weights = torch.softmax(attended.defined() ? scores.add(attended) : scores, 3);
    double p = dropout.attention();
    return torch.matmul(p == 0 ? weights : torch.dropout(weights, p, true), value);
  }
}
