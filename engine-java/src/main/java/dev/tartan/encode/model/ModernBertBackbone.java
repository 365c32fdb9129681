package dev.tartan.encode.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * ModernBERT (2412.13663): rotary positions, pre-norm layers that attend to all tokens or only to
 * near ones, gated feed-forward layers, mostly no biases.
 */
final class ModernBertBackbone implements Backbone {
  private final int heads;
  private final int maxLength;
  private final int reach;
  private final Tensor words;
  private final Norm embeddingNorm;
  private final List<Layer> layers = new ArrayList<>();
  private final Norm finalNorm;

  /**
   * Cosines and sines of the angles that positions turn pairs of values by.
   *
   * @param cos [longest sequence, values a head], the second half as the first
   * @param sin the same
   */
  private record Rotary(Tensor cos, Tensor sin) {

    /** [sequences, heads, length, values a head] turned by its positions. */
    Tensor turn(Tensor x) {
      long length = x.size(2);
      long half = x.size(3) / 2;
      Tensor turned =
          torch.cat(new TensorVector(x.narrow(3, half, half).neg(), x.narrow(3, 0, half)), 3);
      return x.mul(cos.narrow(0, 0, length)).add_(turned.mul_(sin.narrow(0, 0, length)));
    }
  }

  /** One layer; {@code attentionNorm} is null in the first. */
  private record Layer(
      @Nullable Norm attentionNorm,
      Linear qkv,
      Rotary rotary,
      boolean isLocal,
      Linear output,
      Norm mlpNorm,
      Linear up,
      Activation activation,
      Linear down) {}

  ModernBertBackbone(ModelConfig config, Parameters parameters, int layerCount) {
    int count =
        config.layers("num_hidden_layers", "hidden_size", "num_attention_heads", layerCount);
    int n = config.integer("hidden_size");
    this.heads = config.integer("num_attention_heads");
    this.maxLength = config.integer("max_position_embeddings");
    this.reach = config.integer("local_attention", 128) / 2;
    String prefix = parameters.prefix("embeddings.tok_embeddings.weight");
    String word = prefix + "embeddings.tok_embeddings.weight";
    this.words = parameters.unread(word, parameters.extent(word, 0), n);
    this.embeddingNorm = norm(config, parameters, prefix + "embeddings.norm");
    Rotary global = rotary(parameters, theta(config, false), n / heads);
    Rotary local = rotary(parameters, theta(config, true), n / heads);
    for (int i = 0; i < count; i++) {
      boolean isLocal = isLocal(config, i);
      Rotary rotary = isLocal ? local : global;
      layers.add(layer(config, parameters, prefix + "layers." + i + ".", i, isLocal, rotary));
    }
    this.finalNorm = norm(config, parameters, prefix + "final_norm");
    parameters.requireNoOther(
        layerCount, prefix + "embeddings.", prefix + "layers.", prefix + "final_norm.");
  }

  /** Layers are named one by one, or every n-th sees all tokens. */
  private static boolean isLocal(ModelConfig config, int layer) {
    JsonNode types = config.node("layer_types");
    return types.has(layer)
        ? types.path(layer).asText().equals("sliding_attention")
        : layer % Math.max(1, config.integer("global_attn_every_n_layers", 3)) != 0;
  }

  /** The base of the rotary frequencies, under the names of either age of the configuration. */
  private static double theta(ModelConfig config, boolean local) {
    JsonNode rope =
        config.node("rope_parameters").path(local ? "sliding_attention" : "full_attention");
    String type = rope.path("rope_type").asText("default");
    if (!type.equals("default")) {
      throw new TartanException(
          "%s: rope_type '%s' is not supported; default is".formatted(config.source(), type));
    }
    double global = config.real("global_rope_theta", 160_000);
    double stated =
        config.real("local_rope_theta", config.node("local_rope_theta").isNull() ? global : 10_000);
    return rope.path("rope_theta").asDouble(local ? stated : global);
  }

  private static Norm norm(ModelConfig config, Parameters parameters, String name) {
    boolean bias = config.bool("norm_bias", false);
    int n = config.integer("hidden_size");
    return Norm.of(parameters, name, n, config.real("norm_eps", 1e-5), bias);
  }

  private static Layer layer(
      ModelConfig config,
      Parameters parameters,
      String name,
      int number,
      boolean isLocal,
      Rotary rotary) {
    int n = config.integer("hidden_size");
    int wide = config.integer("intermediate_size");
    boolean attentionBias = config.bool("attention_bias", false);
    boolean mlpBias = config.bool("mlp_bias", false);
    return new Layer(
        number == 0 ? null : norm(config, parameters, name + "attn_norm"),
        Linear.of(parameters, name + "attn.Wqkv", 3L * n, n, attentionBias),
        rotary,
        isLocal,
        Linear.of(parameters, name + "attn.Wo", n, n, attentionBias),
        norm(config, parameters, name + "mlp_norm"),
        Linear.of(parameters, name + "mlp.Wi", 2L * wide, n, mlpBias),
        config.activation("hidden_activation", "gelu"),
        Linear.of(parameters, name + "mlp.Wo", n, wide, mlpBias));
  }

  private Rotary rotary(Parameters parameters, double theta, int size) {
    int half = size / 2;
    MemorySegment cos = parameters.allocateMemory((long) maxLength * size);
    MemorySegment sin = parameters.allocateMemory((long) maxLength * size);
    for (int i = 0; i < half; i++) {
      // float32 as in the reference, whose angles are rounded before their cosines are taken
      float frequency = (float) (1 / Math.pow(theta, 2.0 * i / size));
      for (int position = 0; position < maxLength; position++) {
        float angle = position * frequency;
        long place = (long) position * size + i;
        cos.setAtIndex(Layouts.F32, place, (float) Math.cos(angle));
        cos.setAtIndex(Layouts.F32, place + half, (float) Math.cos(angle));
        sin.setAtIndex(Layouts.F32, place, (float) Math.sin(angle));
        sin.setAtIndex(Layouts.F32, place + half, (float) Math.sin(angle));
      }
    }
    return new Rotary(
        parameters.keep(Torch.share(cos, maxLength, size)),
        parameters.keep(Torch.share(sin, maxLength, size)));
  }

  @Override
  public int hiddenSize() {
    return (int) words.size(1);
  }

  @Override
  public int maxLength() {
    return maxLength;
  }

  @Override
  public int vocabularySize() {
    return (int) words.size(0);
  }

  @Override
  public Tensor forward(Input input) {
    Tensor x = embeddingNorm.apply(torch.embedding(words, input.ids()));
    x = x.view(input.rows(), hiddenSize());
    Tensor localMask = localMask(input);
    for (Layer layer : layers) {
      Tensor mask = layer.isLocal() ? localMask : input.mask();
      x = x.add(attend(layer, x, input, mask));
      List<Tensor> halves = halves(layer.up().apply(layer.mlpNorm().apply(x)));
      Tensor gated = layer.activation().apply(halves.get(0)).mul(halves.get(1));
      x = x.add(layer.down().apply(gated));
    }
    return finalNorm.apply(x);
  }

  private Tensor attend(Layer layer, Tensor x, Input input, @Nullable Tensor mask) {
    Tensor normed = layer.attentionNorm() == null ? x : layer.attentionNorm().apply(x);
    int size = hiddenSize() / heads;
    Tensor qkv = layer.qkv().apply(normed).view(input.sequences(), input.length(), 3, heads, size);
    Tensor attended =
        Attention.scaledDotProduct(
            layer.rotary().turn(qkv.select(2, 0).transpose(1, 2)),
            layer.rotary().turn(qkv.select(2, 1).transpose(1, 2)),
            qkv.select(2, 2).transpose(1, 2),
            mask,
            input.dropout());
    return layer.output().apply(attended.reshape(input.rows(), hiddenSize()));
  }

  private static List<Tensor> halves(Tensor x) {
    long half = x.size(1) / 2;
    return List.of(x.narrow(1, 0, half), x.narrow(1, half, half));
  }

  /** The mask of layers that see only {@code reach} tokens to each side. */
  private @Nullable Tensor localMask(Input input) {
    int length = (int) input.length();
    if (length - 1 <= reach) {
      return input.mask();
    }
    float[] band = new float[length * length];
    for (int i = 0; i < length; i++) {
      for (int j = 0; j < length; j++) {
        band[i * length + j] = Math.abs(i - j) <= reach ? 0 : Float.NEGATIVE_INFINITY;
      }
    }
    Tensor mask = Torch.floats(band, 1, 1, length, length);
    return input.mask() == null ? mask : mask.add(input.mask());
  }
}
