package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Word embeddings with learned positions and token types added, normalised.
 *
 * @param words [vocabulary, hidden]
 * @param positions [longest sequence, hidden]
 * @param types [token types, hidden]; null where the backbone has none
 * @param first positions with the first token type added, which most sequences have throughout
 */
record Embeddings(Tensor words, Tensor positions, @Nullable Tensor types, Tensor first, Norm norm) {

  /**
   * Reads the tensors that Hugging Face calls {@code embeddings.*}.
   *
   * @param unused positions at the start of the table that no token has
   */
  static Embeddings of(
      ModelConfig config, Parameters parameters, String prefix, int unused, double epsilon) {
    String name = prefix + "embeddings.";
    int positions = config.integer("max_position_embeddings");
    if (unused >= positions) {
      throw new TartanException(
          "%s: pad_token_id leaves none of the %d positions".formatted(config.source(), positions));
    }
    int hidden = hidden(config);
    String word = name + "word_embeddings.weight";
    Tensor words = parameters.unread(word, parameters.extent(word, 0), hidden);
    Tensor table = parameters.get(name + "position_embeddings.weight", positions, hidden);
    Tensor reached = parameters.keep(table.narrow(0, unused, positions - unused));
    Norm norm = Norm.of(parameters, name + "LayerNorm", hidden, epsilon);
    int typeCount = config.integer("type_vocab_size", config.modelType().equals("bert") ? 2 : 0);
    if (typeCount == 0) {
      return new Embeddings(words, reached, null, reached, norm);
    }
    Tensor types = parameters.get(name + "token_type_embeddings.weight", typeCount, hidden);
    Tensor first = parameters.allocate(positions - unused, hidden);
    first.copy_(reached.add(types.narrow(0, 0, 1)));
    return new Embeddings(words, reached, types, first, norm);
  }

  private static int hidden(ModelConfig config) {
    return config.integer(config.modelType().equals("distilbert") ? "dim" : "hidden_size");
  }

  /** [sequences, length] ids to [sequences * length, hidden]. */
  Tensor apply(Input input) {
    Tensor x = torch.embedding(words, input.ids());
    if (input.types() == null || types == null) {
      x.add_(first.narrow(0, 0, input.length()));
    } else {
      x.add_(positions.narrow(0, 0, input.length())).add_(torch.embedding(types, input.types()));
    }
    return norm.apply(x.view(input.rows(), x.size(2)));
  }
}
