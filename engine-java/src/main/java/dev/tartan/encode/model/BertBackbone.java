package dev.tartan.encode.model;

import java.util.ArrayList;
import java.util.List;

/** BERT (1810.04805): learned absolute positions, post-norm layers, bidirectional attention. */
final class BertBackbone {
  private BertBackbone() {}

  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    String prefix = parameters.prefix("embeddings.word_embeddings.weight");
    double epsilon = config.real("layer_norm_eps", 1e-12);
    Embeddings embeddings = Embeddings.of(config, parameters, prefix, 0, epsilon);
    List<PostNormLayer> stack = new ArrayList<>();
    int count = config.layers("num_hidden_layers", "hidden_size", "num_attention_heads", layers);
    for (int i = 0; i < count; i++) {
      stack.add(PostNormLayer.of(config, parameters, prefix + "encoder.layer." + i + ".", null));
    }
    parameters.requireNoOther(layers, prefix + "embeddings.", prefix + "encoder.");
    return new PostNormBackbone(embeddings, stack, List.of());
  }
}
