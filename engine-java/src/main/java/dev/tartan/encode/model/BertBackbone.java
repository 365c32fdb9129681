package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * BERT (1810.04805): learned absolute positions, post-norm layers, bidirectional attention. Reads
 * the tensor names of Hugging Face checkpoints, with or without a prefix such as {@code bert.}.
 */
final class BertBackbone implements Backbone {
  private static final String WORDS = "embeddings.word_embeddings.weight";

  private final int hiddenSize;
  private final int heads;
  private final double epsilon;
  private final String activation;
  private final Tensor words;
  private final Tensor positions;
  private final Tensor types;
  private final @Nullable Tensor summed;
  private final Norm norm;
  private final List<Layer> layers = new ArrayList<>();

  private record Linear(Tensor weight, TensorOptional bias) {
    Tensor apply(Tensor x) {
      return torch.linear(x, weight, bias);
    }
  }

  private record Norm(TensorOptional weight, TensorOptional bias) {}

  /** One transformer layer; linear: query, key, value, attention output, up, down. */
  private record Layer(List<Linear> linear, Norm attentionNorm, Norm outputNorm) {}

  /**
   * @param layerCount the layers to run, from the first; 0 for all
   * @throws TartanException if a tensor is missing or misshapen, or a variant is not supported
   */
  BertBackbone(ModelConfig config, Parameters parameters, int layerCount) {
    this.hiddenSize = config.integer("hidden_size");
    this.heads = config.integer("num_attention_heads");
    this.epsilon = config.real("layer_norm_eps", 1e-12);
    this.activation = activation(config);
    int all = config.integer("num_hidden_layers");
    if (layerCount < 0 || layerCount > all || hiddenSize % heads != 0) {
      throw new TartanException(
          "%s: layer %d of %d with %d heads over %d values makes no sense"
              .formatted(config.source(), layerCount, all, heads, hiddenSize));
    }
    String prefix = prefix(parameters);
    this.words = parameters.get(prefix + WORDS, parameters.extent(prefix + WORDS, 0), hiddenSize);
    this.norm = norm(parameters, prefix + "embeddings.LayerNorm");
    int length = config.integer("max_position_embeddings");
    int segments = (int) config.real("type_vocab_size", 2);
    this.positions =
        parameters.get(prefix + "embeddings.position_embeddings.weight", length, hiddenSize);
    this.types =
        parameters.get(prefix + "embeddings.token_type_embeddings.weight", segments, hiddenSize);
    this.summed = parameters.trains() ? null : sum(parameters);
    int intermediate = config.integer("intermediate_size");
    for (int i = 0; i < (layerCount == 0 ? all : layerCount); i++) {
      layers.add(layer(parameters, prefix + "encoder.layer." + i + ".", intermediate));
    }
  }

  private static String activation(ModelConfig config) {
    String name = config.text("hidden_act", "gelu");
    return switch (name) {
      case "gelu" -> "none";
      case "gelu_new", "gelu_pytorch_tanh" -> "tanh";
      default ->
          throw new TartanException(
              "%s: hidden_act '%s' is not supported; gelu and gelu_new are"
                  .formatted(config.source(), name));
    };
  }

  /** Checkpoints with a head put the backbone's name before each tensor. */
  private static String prefix(Parameters parameters) {
    for (String prefix : new String[] {"bert.", "", "model.", "0.auto_model."}) {
      if (parameters.has(prefix + WORDS)) {
        return prefix;
      }
    }
    throw new TartanException(
        "%s has no tensor 'bert.%s'; is it a BERT checkpoint?"
            .formatted(parameters.source(), WORDS));
  }

  /** Position and segment embeddings never depend on the text, so they are added up once. */
  private Tensor sum(Parameters parameters) {
    Tensor sum = parameters.allocate(positions.size(0), hiddenSize);
    sum.copy_(positions.add(types.narrow(0, 0, 1)));
    return sum;
  }

  private Tensor places(long length) {
    return summed == null
        ? positions.narrow(0, 0, length).add(types.narrow(0, 0, 1))
        : summed.narrow(0, 0, length);
  }

  private Norm norm(Parameters parameters, String name) {
    return new Norm(
        parameters.optional(name + ".weight", hiddenSize),
        parameters.optional(name + ".bias", hiddenSize));
  }

  private static Linear linear(Parameters parameters, String name, long out, long in) {
    return new Linear(
        parameters.get(name + ".weight", out, in), parameters.optional(name + ".bias", out));
  }

  private Layer layer(Parameters parameters, String name, int intermediate) {
    int n = hiddenSize;
    return new Layer(
        List.of(
            linear(parameters, name + "attention.self.query", n, n),
            linear(parameters, name + "attention.self.key", n, n),
            linear(parameters, name + "attention.self.value", n, n),
            linear(parameters, name + "attention.output.dense", n, n),
            linear(parameters, name + "intermediate.dense", intermediate, n),
            linear(parameters, name + "output.dense", n, intermediate)),
        norm(parameters, name + "attention.output.LayerNorm"),
        norm(parameters, name + "output.LayerNorm"));
  }

  @Override
  public int hiddenSize() {
    return hiddenSize;
  }

  @Override
  public int maxLength() {
    return (int) positions.size(0);
  }

  @Override
  public int vocabularySize() {
    return (int) words.size(0);
  }

  @Override
  public Tensor forward(Tensor ids, Tensor attended, Dropout dropout) {
    long sequences = ids.size(0);
    long length = ids.size(1);
    Tensor embedded = torch.embedding(words, ids).add_(places(length));
    Tensor x = dropout.apply(normalize(embedded.view(sequences * length, hiddenSize), norm));
    for (Layer layer : layers) {
      List<Linear> linear = layer.linear();
      Tensor attention =
          Attention.apply(
              perHead(linear.get(0).apply(x), sequences, length),
              perHead(linear.get(1).apply(x), sequences, length),
              perHead(linear.get(2).apply(x), sequences, length),
              attended,
              dropout);
      Tensor joined = attention.transpose(1, 2).reshape(sequences * length, hiddenSize);
      x = normalize(dropout.apply(linear.get(3).apply(joined)).add_(x), layer.attentionNorm());
      Tensor wide = torch.gelu(linear.get(4).apply(x), activation);
      x = normalize(dropout.apply(linear.get(5).apply(wide)).add_(x), layer.outputNorm());
    }
    return x;
  }

  private Tensor normalize(Tensor x, Norm parameters) {
    return torch.layer_norm(
        x, new long[] {hiddenSize}, parameters.weight(), parameters.bias(), epsilon, false);
  }

  /** [sequences * length, hidden] seen as [sequences, heads, length, hidden / heads]. */
  private Tensor perHead(Tensor x, long sequences, long length) {
    return x.view(sequences, length, heads, hiddenSize / heads).transpose(1, 2);
  }
}
