package dev.tartan.encode;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.checkpoint.OnnxFile;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.checkpoint.TorchFile;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.model.TokenEmbedder;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A checkpoint in the layout of Stanford's ColBERT: one folder of Hugging Face files. */
final class ModelFolder {
  private static final String LINEAR = "linear.weight";

  /** What belongs to a model beside its weights. */
  private static final List<String> BESIDE =
      List.of(
          "config.json",
          "artifact.metadata",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "vocab.txt");

  private final Path folder;

  ModelFolder(Path folder) {
    this.folder = folder;
  }

  Encoder open(int threads) {
    check();
    ModelConfig architecture = ModelConfig.open(folder.resolve("config.json"));
    ColbertConfig config = config();
    Tokenizer tokenizer = Tokenizer.open(folder);
    Arena arena = Arena.ofShared();
    try {
      Weights weights = weights(arena);
      boolean projects = weights.names().contains(LINEAR);
      TokenEmbedder embedder =
          TokenEmbedder.open(
              architecture, weights, projects ? weights : null, config.layer(), arena);
      checkDim(weights, projects, embedder.dim(), config.dim());
      return new ColbertEncoder(
          folder.toString(), config.withDim(embedder.dim()), tokenizer, embedder, threads);
    } catch (RuntimeException e) {
      arena.close();
      tokenizer.close();
      throw e;
    }
  }

  /** What the model is made of, with a copy of its weights in {@code arena}. */
  ModelParts parts(Arena arena) {
    check();
    ModelConfig architecture = ModelConfig.open(folder.resolve("config.json"));
    ColbertConfig config = config();
    MemoryWeights weights;
    try (Arena file = Arena.ofShared()) {
      weights = MemoryWeights.copy(weights(file), UnaryOperator.identity(), arena);
    }
    if (!weights.names().contains(LINEAR)) {
      throw new TartanException(
          "%s has no tensor '%s', which ColBERT puts on the backbone"
              .formatted(weights.source(), LINEAR));
    }
    int dim = Math.toIntExact(weights.tensor(LINEAR).shape()[0]);
    checkDim(weights, true, dim, config.dim());
    Map<String, byte[]> files = files();
    return new ModelParts(
        folder.toString(),
        architecture,
        config.withDim(dim),
        Tokenizer.open(folder),
        weights,
        files);
  }

  private Map<String, byte[]> files() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    try {
      for (String name : BESIDE) {
        if (Files.exists(folder.resolve(name))) {
          files.put(name, Files.readAllBytes(folder.resolve(name)));
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read the model in " + folder, e);
    }
    return files;
  }

  private void check() {
    if (!Files.isDirectory(folder)) {
      throw new TartanException(folder + " is a file; a model is a folder with config.json in it");
    }
    if (Files.exists(folder.resolve("modules.json"))) {
      throw new TartanException(
          folder
              + " is in the layout of PyLate (modules.json), which is not read yet; ColBERT's is");
    }
    if (!Files.exists(folder.resolve("config.json"))) {
      throw new TartanException(folder + " has no config.json; is it the folder of a model?");
    }
  }

  private void checkDim(Weights weights, boolean projects, int dim, int expected) {
    boolean stated = Files.exists(folder.resolve("artifact.metadata"));
    if (stated && dim != expected) {
      throw new TartanException(
          projects
              ? "%s: tensor '%s' gives %d values a row, artifact.metadata says dim %d"
                  .formatted(weights.source(), LINEAR, dim, expected)
              : "%s has no tensor '%s', which ColBERT puts on the backbone"
                  .formatted(weights.source(), LINEAR));
    }
    if (dim % 8 != 0) {
      throw new TartanException(
          "%s: rows have %d values; only multiples of 8 can be compressed"
              .formatted(weights.source(), dim));
    }
  }

  private ColbertConfig config() {
    Path metadata = folder.resolve("artifact.metadata");
    if (!Files.exists(metadata)) {
      return ColbertConfig.defaults();
    }
    try {
      return ColbertConfig.of(
          metadata.toString(), new ObjectMapper().readTree(Files.readString(metadata)));
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new TartanException(metadata + " is damaged: it is no JSON", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + metadata, e);
    }
  }

  private Weights weights(Arena arena) {
    Path safetensors = folder.resolve("model.safetensors");
    Path torch = folder.resolve("pytorch_model.bin");
    Path onnx = folder.resolve("model.onnx");
    if (Files.exists(safetensors)) {
      return SafetensorsFile.open(safetensors, arena);
    }
    if (Files.exists(torch)) {
      return TorchFile.open(torch, arena);
    }
    if (Files.exists(onnx)) {
      return OnnxFile.open(onnx, arena);
    }
    if (Files.exists(folder.resolve("model.safetensors.index.json"))) {
      throw new TartanException(
          folder + " keeps its weights in several files, which is not read; save them as one");
    }
    throw new TartanException(
        folder + " has no weights: model.safetensors, pytorch_model.bin or model.onnx");
  }
}
