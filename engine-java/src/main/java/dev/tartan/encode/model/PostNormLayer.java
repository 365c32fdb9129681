package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A transformer layer that normalises behind each residual sum, as BERT's do.
 *
 * @param adapters run on the sum behind {@code down}, before the last normalisation; mostly null
 */
record PostNormLayer(
    Attention attention,
    Norm attentionNorm,
    Linear up,
    Activation activation,
    Linear down,
    @Nullable Adapters adapters,
    Norm outputNorm) {

  /** The layer called {@code name} in the names that Hugging Face gives BERT and RoBERTa. */
  static PostNormLayer of(
      ModelConfig config, Parameters parameters, String name, @Nullable Adapters adapters) {
    int n = config.integer("hidden_size");
    int wide = config.integer("intermediate_size");
    double epsilon = config.real("layer_norm_eps", 1e-12);
    return new PostNormLayer(
        new Attention(
            Linear.of(parameters, name + "attention.self.query", n, n),
            Linear.of(parameters, name + "attention.self.key", n, n),
            Linear.of(parameters, name + "attention.self.value", n, n),
            Linear.of(parameters, name + "attention.output.dense", n, n),
            config.integer("num_attention_heads")),
        Norm.of(parameters, name + "attention.output.LayerNorm", n, epsilon),
        Linear.of(parameters, name + "intermediate.dense", wide, n),
        config.activation("hidden_act", "gelu"),
        Linear.of(parameters, name + "output.dense", n, wide),
        adapters,
        Norm.of(parameters, name + "output.LayerNorm", n, epsilon));
  }

  /** [sequences * length, hidden] to the same. */
  Tensor apply(Tensor x, Input input) {
    Tensor attended = attentionNorm.apply(input.dropout().apply(attention.apply(x, input)).add_(x));
    Tensor wide = activation.apply(up.apply(attended));
    Tensor sum = input.dropout().apply(down.apply(wide)).add_(attended);
    return outputNorm.apply(adapters == null ? sum : adapters.apply(sum, input.language()));
  }
}
