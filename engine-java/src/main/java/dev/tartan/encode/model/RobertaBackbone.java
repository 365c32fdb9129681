package dev.tartan.encode.model;

import java.util.ArrayList;
import java.util.List;

/**
 * RoBERTa (1907.11692) and XLM-RoBERTa (1911.02116): BERT whose positions begin behind the number
 * of the padding token.
 */
final class RobertaBackbone {
  private RobertaBackbone() {}

  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    String prefix = parameters.prefix("embeddings.word_embeddings.weight");
    Embeddings embeddings = embeddings(config, parameters, prefix);
    List<PostNormLayer> stack = new ArrayList<>();
    int count = config.layers("num_hidden_layers", "hidden_size", "num_attention_heads", layers);
    for (int i = 0; i < count; i++) {
      stack.add(PostNormLayer.of(config, parameters, prefix + "encoder.layer." + i + ".", null));
    }
    parameters.requireNoOther(layers, prefix + "embeddings.", prefix + "encoder.");
    return new PostNormBackbone(embeddings, stack, List.of());
  }

  static Embeddings embeddings(ModelConfig config, Parameters parameters, String prefix) {
    int unused = config.integer("pad_token_id", 1) + 1;
    double epsilon = config.real("layer_norm_eps", 1e-12);
    return Embeddings.of(config, parameters, prefix, unused, epsilon);
  }
}
