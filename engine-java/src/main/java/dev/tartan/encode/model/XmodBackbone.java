package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** X-MOD (2205.06266): XLM-RoBERTa with an {@linkplain Adapters adapter} a layer and language. */
final class XmodBackbone {
  private XmodBackbone() {}

  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    if (config.bool("pre_norm", false)) {
      throw new TartanException(
          "%s: X-MOD with pre_norm is not supported, only without".formatted(config.source()));
    }
    List<String> languages = config.texts("languages");
    if (languages.isEmpty()) {
      throw new TartanException("%s: X-MOD without languages".formatted(config.source()));
    }
    String prefix = parameters.prefix("embeddings.word_embeddings.weight");
    Embeddings embeddings = RobertaBackbone.embeddings(config, parameters, prefix);
    List<PostNormLayer> stack = new ArrayList<>();
    int count = config.layers("num_hidden_layers", "hidden_size", "num_attention_heads", layers);
    for (int i = 0; i < count; i++) {
      String name = prefix + "encoder.layer." + i + ".";
      Adapters adapters = adapters(config, parameters, name + "output.", languages);
      stack.add(PostNormLayer.of(config, parameters, name, adapters));
    }
    parameters.requireNoOther(layers, prefix + "embeddings.", prefix + "encoder.");
    return new PostNormBackbone(embeddings, stack, languages);
  }

  private static Adapters adapters(
      ModelConfig config, Parameters parameters, String name, List<String> languages) {
    int n = config.integer("hidden_size");
    int narrow = n / config.integer("adapter_reduction_factor", 2);
    List<Linear> down = new ArrayList<>();
    List<Linear> up = new ArrayList<>();
    for (String language : languages) {
      String adapter = name + "adapter_modules." + language;
      down.add(adapter(parameters, adapter + ".dense1", narrow, n));
      up.add(adapter(parameters, adapter + ".dense2", n, narrow));
    }
    return new Adapters(
        norm(config, parameters, name),
        config.bool("ln_before_adapter", true),
        down,
        config.activation("hidden_act", "gelu"),
        up);
  }

  /**
   * Most languages of a model are never used, so their layers are neither looked through nor
   * packed.
   */
  private static Linear adapter(Parameters parameters, String name, long out, long in) {
    return new Linear(
        parameters.unread(name + ".weight", out, in),
        parameters.optional(name + ".bias", out),
        null);
  }

  private static @Nullable Norm norm(ModelConfig config, Parameters parameters, String name) {
    int n = config.integer("hidden_size");
    double epsilon = config.real("layer_norm_eps", 1e-12);
    if (config.bool("adapter_layer_norm", false)) {
      return Norm.of(parameters, name + "adapter_layer_norm", n, epsilon);
    }
    return config.bool("adapter_reuse_layer_norm", true)
        ? Norm.of(parameters, name + "LayerNorm", n, epsilon)
        : null;
  }
}
