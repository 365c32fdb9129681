package dev.tartan.encode.model;

import java.util.ArrayList;
import java.util.List;

/** DistilBERT (1910.01108): BERT without token types, under names of its own. */
final class DistilBertBackbone {
  private static final double EPSILON = 1e-12; // no key of the configuration changes it

  private DistilBertBackbone() {}

  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    String prefix = parameters.prefix("embeddings.word_embeddings.weight");
    Embeddings embeddings = Embeddings.of(config, parameters, prefix, 0, EPSILON);
    List<PostNormLayer> stack = new ArrayList<>();
    int count = config.layers("n_layers", "dim", "n_heads", layers);
    for (int i = 0; i < count; i++) {
      stack.add(layer(config, parameters, prefix + "transformer.layer." + i + "."));
    }
    parameters.requireNoOther(layers, prefix + "embeddings.", prefix + "transformer.");
    return new PostNormBackbone(embeddings, stack, List.of());
  }

  private static PostNormLayer layer(ModelConfig config, Parameters parameters, String name) {
    int n = config.integer("dim");
    int wide = config.integer("hidden_dim");
    return new PostNormLayer(
        new Attention(
            Linear.of(parameters, name + "attention.q_lin", n, n),
            Linear.of(parameters, name + "attention.k_lin", n, n),
            Linear.of(parameters, name + "attention.v_lin", n, n),
            Linear.of(parameters, name + "attention.out_lin", n, n),
            config.integer("n_heads")),
        Norm.of(parameters, name + "sa_layer_norm", n, EPSILON),
        Linear.of(parameters, name + "ffn.lin1", wide, n),
        config.activation("activation", "gelu"),
        Linear.of(parameters, name + "ffn.lin2", n, wide),
        null,
        Norm.of(parameters, name + "output_layer_norm", n, EPSILON));
  }
}
