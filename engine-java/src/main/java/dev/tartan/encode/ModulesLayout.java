package dev.tartan.encode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.model.DenseLayer;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The layout of sentence-transformers, in which PyLate writes: {@code modules.json} lists the parts
 * of the model, and each has a folder.
 */
final class ModulesLayout {
  private static final String MODULES = "modules.json";

  private ModulesLayout() {}

  /** The folder of the transformer, which is {@code folder} itself for most. */
  static Path backbone(Path folder) {
    for (JsonNode module : modules(folder)) {
      if (kind(module).equals("Transformer")) {
        return part(folder, module);
      }
    }
    throw new TartanException(
        folder.resolve(MODULES) + " names no Transformer; is it a model of text?");
  }

  static Checkpoint read(Path folder, Tokenizer tokenizer, Arena arena) {
    Path backbone = backbone(folder);
    ModelConfig architecture = Checkpoint.architecture(backbone);
    Weights weights = Weights.open(backbone, arena);
    List<DenseLayer> head = new ArrayList<>();
    for (JsonNode module : modules(folder)) {
      switch (kind(module)) {
        case "Dense" -> head.add(dense(part(folder, module), arena));
        // rows are normalised anyway, and pooling is what late interaction leaves out
        case "Transformer", "Normalize", "Pooling" -> {}
        default ->
            throw new TartanException(
                "%s: module '%s' is not supported; Transformer, Dense and Normalize are"
                    .formatted(folder.resolve(MODULES), module.path("type").asText()));
      }
    }
    return new Checkpoint(
        architecture,
        config(folder, tokenizer),
        weights,
        head.isEmpty() ? Checkpoint.linear(weights) : head);
  }

  /** The keys of PyLate where they are, else those of ColBERT, else PyLate's defaults. */
  private static ColbertConfig config(Path folder, Tokenizer tokenizer) {
    Path stated = folder.resolve("config_sentence_transformers.json");
    Path metadata = folder.resolve("artifact.metadata");
    JsonNode json =
        Files.exists(stated)
            ? Checkpoint.json(stated)
            : com.fasterxml.jackson.databind.node.MissingNode.getInstance();
    return !json.has("query_prefix") && Files.exists(metadata)
        ? ColbertConfig.of(metadata.toString(), Checkpoint.json(metadata))
        : ColbertConfig.pylate(stated.toString(), json, tokenizer::has);
  }

  private static DenseLayer dense(Path folder, Arena arena) {
    JsonNode config = Checkpoint.json(folder.resolve("config.json"));
    Weights weights = Weights.open(folder, arena);
    if (config.path("bias").asBoolean(true) != weights.names().contains("linear.bias")) {
      throw new TartanException(
          "%s %s a tensor 'linear.bias', but config.json says bias %s"
              .formatted(
                  weights.source(),
                  weights.names().contains("linear.bias") ? "has" : "lacks",
                  config.path("bias").asBoolean(true)));
    }
    return new DenseLayer(
        weights,
        "linear.",
        config.path("activation_function").asText("identity"),
        config.path("use_residual").asBoolean(false));
  }

  private static JsonNode modules(Path folder) {
    JsonNode modules = Checkpoint.json(folder.resolve(MODULES));
    if (!modules.isArray()) {
      throw new TartanException(folder.resolve(MODULES) + " is damaged: it is no list of modules");
    }
    return modules;
  }

  /** The class of a module without its package. */
  private static String kind(JsonNode module) {
    String type = module.path("type").asText();
    return type.substring(type.lastIndexOf('.') + 1);
  }

  private static Path part(Path folder, JsonNode module) {
    Path part = folder.resolve(module.path("path").asText()).normalize();
    if (!part.startsWith(folder.normalize()) || !Files.isDirectory(part)) {
      throw new TartanException(
          "%s names the folder '%s', which is missing; copy the whole model"
              .formatted(folder.resolve(MODULES), module.path("path").asText()));
    }
    return part;
  }
}
