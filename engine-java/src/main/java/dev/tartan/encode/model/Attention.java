package dev.tartan.encode.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Multi-head attention of every token to every other (1706.03762). */
record Attention(Linear query, Linear key, Linear value, Linear output, int heads) {

  /** [sequences * length, hidden] to the same, without the residual. */
  Tensor apply(Tensor x, Input input) {
    Tensor attended =
        scaledDotProduct(
            perHead(query.apply(x), input),
            perHead(key.apply(x), input),
            perHead(value.apply(x), input),
            input.mask(),
            input.dropout());
    return output.apply(attended.reshape(x.size(0), x.size(1)));
  }

  /** [sequences * length, hidden] seen as [sequences, heads, length, hidden / heads]. */
  private Tensor perHead(Tensor x, Input input) {
    return x.view(input.sequences(), input.length(), heads, x.size(1) / heads).transpose(1, 2);
  }

  /**
   * The attention of each head by itself: LibTorch's fused kernel where no gradient is wanted. Its
   * backward pass rounds otherwise than the textbook's, enough for the best match of a token to be
   * another one than in the reference framework; so training goes by the textbook.
   *
   * @param mask added to the scores, broadcast to [sequences, heads, length, length]
   * @return [sequences, length, heads, hidden / heads]
   */
  static Tensor scaledDotProduct(
      Tensor query, Tensor key, Tensor value, @Nullable Tensor mask, Dropout dropout) {
    if (query.requires_grad()) {
      Scalar scale = new Scalar(1 / Math.sqrt((double) query.size(3)));
      Tensor scores = torch.matmul(query, key.transpose(2, 3)).mul(scale);
      Tensor weights = weights(scores, mask);
      return torch.matmul(dropout.applyToAttention(weights), value).transpose(1, 2);
    }
    return torch
        .scaled_dot_product_attention(
            query,
            key,
            value,
            mask == null ? new TensorOptional() : new TensorOptional(mask),
            0.0,
            false,
            new DoubleOptional(),
            false)
        .transpose(1, 2);
  }

  private static Tensor weights(Tensor scores, @Nullable Tensor mask) {
    if (mask == null || mask.size(2) == 1) {
      return torch.softmax(mask == null ? scores : scores.add(mask), 3);
    }
    // Padding that sees nothing but padding (local attention): zeros, as the fused kernel has it.
    Tensor finite = scores.add(mask.clamp_min(new Scalar(-1e30)));
    return torch.softmax(finite, 3).mul(mask.exp());
  }
}
