package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * A transformer that turns token ids into hidden states. Implementations hold parameters only, so
 * one serves many threads.
 */
interface Backbone {
  /** Values in a hidden state. */
  int hiddenSize();

  /** The longest sequence that the positions reach. */
  int maxLength();

  /** One more than the largest id. */
  int vocabularySize();

  /** The languages that it has adapters for, in order; empty if it reads all alike. */
  default List<String> languages() {
    return List.of();
  }

  /**
   * Runs the model. Temporaries belong to the pointer scope of the caller.
   *
   * @return float32 [sequences * length, hiddenSize]
   */
  Tensor forward(Input input);

  /**
   * Builds the backbone that {@code config} describes.
   *
   * @param layers the layers to run, from the first; 0 for all
   * @throws TartanException if the architecture or a variant of it is not supported, or a tensor is
   *     missing, misshapen or one too many
   */
  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    return switch (config.modelType()) {
      case "bert" -> BertBackbone.open(config, parameters, layers);
      case "distilbert" -> DistilBertBackbone.open(config, parameters, layers);
      case "roberta", "xlm-roberta", "camembert" ->
          RobertaBackbone.open(config, parameters, layers);
      case "xmod" -> XmodBackbone.open(config, parameters, layers);
      case "modernbert" -> new ModernBertBackbone(config, parameters, layers);
      default ->
          throw new TartanException(
              "%s: model_type '%s' is not supported; bert, distilbert, roberta, xlm-roberta, xmod and modernbert are"
                  .formatted(config.source(), config.modelType()));
    };
  }
}
