package dev.tartan.encode.model;

import org.bytedeco.pytorch.DoubleOptional;
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
            input.mask());
    return output.apply(attended.reshape(x.size(0), x.size(1)));
  }

  /** [sequences * length, hidden] seen as [sequences, heads, length, hidden / heads]. */
  private Tensor perHead(Tensor x, Input input) {
    return x.view(input.sequences(), input.length(), heads, x.size(1) / heads).transpose(1, 2);
  }

  /**
   * The attention of each head by itself.
   *
   * @param mask added to the scores, broadcast to [sequences, heads, length, length]
   * @return [sequences, length, heads, hidden / heads]
   */
  static Tensor scaledDotProduct(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask) {
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
}
