package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The non-linear functions of published models. */
enum Activation {
  IDENTITY,
  GELU,
  /** GELU by its approximation with tanh. */
  GELU_TANH,
  RELU,
  SILU,
  TANH;

  /**
   * The function that {@code name} means in Hugging Face files ({@code gelu_new}) or, as the last
   * part of a class name, in those of sentence-transformers ({@code
   * torch.nn.modules.activation.Tanh}).
   *
   * @param source the file that names it, for messages
   */
  static Activation of(String source, String name) {
    String last = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return switch (last) {
      case "identity", "linear" -> IDENTITY;
      case "gelu", "gelu_python" -> GELU;
      case "gelu_new", "gelu_fast", "gelu_pytorch_tanh" -> GELU_TANH;
      case "relu" -> RELU;
      case "silu", "swish" -> SILU;
      case "tanh" -> TANH;
      default ->
          throw new TartanException(
              "%s: activation '%s' is not supported; gelu, gelu_new, relu, silu, tanh and identity are"
                  .formatted(source, name));
    };
  }

  Tensor apply(Tensor x) {
    return switch (this) {
      case IDENTITY -> x;
      case GELU -> torch.gelu(x, "none");
      case GELU_TANH -> torch.gelu(x, "tanh");
      case RELU -> torch.relu(x);
      case SILU -> torch.silu(x);
      case TANH -> torch.tanh(x);
    };
  }
}
