package dev.tartan.encode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.checkpoint.TorchFile;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.model.DenseLayer;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What a model's folder says, whichever layout it has.
 *
 * @param weights the backbone's
 * @param head the dense layers on it
 */
record Checkpoint(
    ModelConfig architecture, ColbertConfig config, Weights weights, List<DenseLayer> head) {
  private static final String BGE_HEAD = "colbert_linear.pt";

  /** Reads the layout that {@code folder} has. */
  static Checkpoint read(Path folder, Tokenizer tokenizer, Arena arena) {
    if (Files.exists(folder.resolve(BGE_HEAD))) {
      return bge(folder, arena);
    }
    return Files.exists(folder.resolve("modules.json"))
        ? ModulesLayout.read(folder, tokenizer, arena)
        : stanford(folder, arena);
  }

  /** Stanford's ColBERT: one folder of Hugging Face files, {@code linear.weight} among the rest. */
  private static Checkpoint stanford(Path folder, Arena arena) {
    Path metadata = folder.resolve("artifact.metadata");
    boolean isColbert = Files.exists(metadata);
    ColbertConfig config =
        isColbert
            ? ColbertConfig.of(metadata.toString(), json(metadata))
            : ColbertConfig.defaults();
    Weights weights = Weights.open(folder, arena);
    List<DenseLayer> head = linear(weights);
    if (isColbert && head.isEmpty()) {
      throw new TartanException(
          "%s has no tensor 'linear.weight', which ColBERT puts on the backbone"
              .formatted(weights.source()));
    }
    if (isColbert) {
      checkDim(weights, config.dim());
    }
    return new Checkpoint(architecture(folder), config, weights, head);
  }

  private static void checkDim(Weights weights, int stated) {
    long[] shape = weights.tensor("linear.weight").shape();
    if (shape.length == 2 && shape[0] != stated) {
      throw new TartanException(
          "%s: tensor 'linear.weight' gives %d values a row, artifact.metadata says dim %d"
              .formatted(weights.source(), shape[0], stated));
    }
  }

  /**
   * The multi-vector head of BGE-M3 (2402.03216): no marker, no padding of queries, a row for every
   * token but the first; 512 tokens as FlagEmbedding takes, unless {@code artifact.metadata} says
   * otherwise.
   */
  private static Checkpoint bge(Path folder, Arena arena) {
    Path metadata = folder.resolve("artifact.metadata");
    Weights head = TorchFile.open(folder.resolve(BGE_HEAD), arena);
    return new Checkpoint(
        architecture(folder),
        ColbertConfig.bge(
            metadata.toString(),
            Files.exists(metadata) ? json(metadata) : new ObjectMapper().createObjectNode()),
        Weights.open(folder, arena),
        List.of(new DenseLayer(head, "", "identity", false)));
  }

  /** ColBERT's layer where it lies among the backbone's tensors, or nothing. */
  static List<DenseLayer> linear(Weights weights) {
    return weights.names().contains("linear.weight")
        ? List.of(DenseLayer.linear(weights))
        : List.of();
  }

  static ModelConfig architecture(Path folder) {
    if (!Files.exists(folder.resolve("config.json"))) {
      throw new TartanException(folder + " has no config.json; is it the folder of a model?");
    }
    return ModelConfig.open(folder.resolve("config.json"));
  }

  static JsonNode json(Path file) {
    try {
      return new ObjectMapper().readTree(Files.readString(file));
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new TartanException(file + " is damaged: it is no JSON", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + file, e);
    }
  }
}
