package dev.tartan.encode.model;

import dev.tartan.memory.TartanException;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Word embeddings with learned positions and token types added, normalised.
 *
 * @param words [vocabulary, hidden]
 * @param positions [unused + longest sequence, hidden]
 * @param unused positions at the start of the table that no token has
 * @param types [token types, hidden]; null where the backbone has none
 * @param first positions with the first token type added, which most sequences have throughout;
 *     null where there is no such sum, or where it changes in training
 */
record Embeddings(
    Tensor words,
    Tensor positions,
    int unused,
    @Nullable Tensor types,
    @Nullable Tensor first,
    Norm norm) {

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
    Norm norm = Norm.of(parameters, name + "LayerNorm", hidden, epsilon);
    int typeCount = config.integer("type_vocab_size", config.modelType().equals("bert") ? 2 : 0);
    if (typeCount == 0) {
      return new Embeddings(words, table, unused, null, null, norm);
    }
    Tensor types = parameters.get(name + "token_type_embeddings.weight", typeCount, hidden);
    Tensor first = null;
    if (!parameters.trains()) {
      first = parameters.allocate(positions - unused, hidden);
      first.copy_(table.narrow(0, unused, positions - unused).add(types.narrow(0, 0, 1)));
    }
    return new Embeddings(words, table, unused, types, first, norm);
  }

  private static int hidden(ModelConfig config) {
    return config.integer(config.modelType().equals("distilbert") ? "dim" : "hidden_size");
  }

  /** The longest sequence that the positions reach. */
  int longest() {
    return (int) positions.size(0) - unused;
  }

  /** [sequences, length] ids to [sequences * length, hidden]. */
  Tensor apply(Input input) {
    Tensor x = torch.embedding(words, input.ids());
    Tensor given = input.types();
    if (given == null && first != null) {
      x.add_(first.narrow(0, 0, input.length()));
    } else {
      x.add_(positions.narrow(0, unused, input.length()));
      if (types != null) {
        x.add_(given == null ? types.narrow(0, 0, 1) : torch.embedding(types, given));
      }
    }
    return input.dropout().apply(norm.apply(x.view(input.rows(), x.size(2))));
  }
}
