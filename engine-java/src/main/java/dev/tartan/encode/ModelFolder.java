package dev.tartan.encode;

import com.fasterxml.jackson.databind.ObjectMapper;
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

/** A checkpoint in the layout of Stanford's ColBERT: one folder of Hugging Face files. */
final class ModelFolder {
  private static final String LINEAR = "linear.weight";

  private final Path folder;

  ModelFolder(Path folder) {
    this.folder = folder;
  }

  Encoder open(int threads) {
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
