package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.checkpoint.ElementType;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What a user reads when a checkpoint is damaged, incomplete or of a kind that is not read. */
class BrokenCheckpointTest {
  @TempDir Path folder;

  @Test
  void shards() throws IOException {
    copy("distilbert-shards");
    String index = Files.readString(folder.resolve("model.safetensors.index.json"));
    Path second = folder.resolve("model-00002-of-00002.safetensors");
    byte[] bytes = Files.readAllBytes(second);
    Files.delete(second);
    assertError("names the file 'model-00002-of-00002.safetensors', which is missing");
    Files.write(second, java.util.Arrays.copyOf(bytes, bytes.length - 100));
    assertError("model-00002-of-00002.safetensors is truncated: tensor");
    Files.copy(
        folder.resolve("model-00001-of-00002.safetensors"),
        second,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertError("model-00002-of-00002.safetensors has no tensor");
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        index.replace("model-00002-of", "../model-00002-of"));
    assertError("'../model-00002-of-00002.safetensors' is no file name");
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{}");
    assertError("has no weight_map");
  }

  @Test
  void tensors() throws IOException {
    copy("xmod-own-norm");
    rewrite(
        tensors ->
            tensors.remove("roberta.encoder.layer.1.output.adapter_modules.zh_CN.dense2.bias"));
    assertError("has no tensor 'roberta.encoder.layer.1.output.adapter_modules.zh_CN.dense2.bias'");
    copy("xmod-own-norm");
    edit("config.json", "\"adapter_layer_norm\": true", "\"adapter_layer_norm\": false");
    assertError("has a tensor 'roberta.encoder.layer.0.output.adapter_layer_norm.");
    copy("xmod-own-norm");
    edit("config.json", "\"adapter_reduction_factor\": 4", "\"adapter_reduction_factor\": 2");
    assertError("config.json asks for [8, 16]");
    copy("xmod-own-norm");
    edit("config.json", "\"pre_norm\": false", "\"pre_norm\": true");
    assertError("X-MOD with pre_norm is not supported");
    copy("xmod-own-norm");
    rewrite(tensors -> tensors.remove("linear.weight"));
    assertError("has no tensor 'linear.weight', which ColBERT puts on the backbone");
    copy("xmod-own-norm");
    edit("config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"");
    assertError("activation 'mish' is not supported");
  }

  @Test
  void weightsThatAreNoNumbers() throws IOException {
    for (String part : List.of("attention.self.key.weight", "attention.self.key.bias")) {
      copy("xmod-own-norm");
      String name = "roberta.encoder.layer.0." + part;
      rewrite(tensors -> tensors.get(name).bytes().setAtIndex(Layouts.F32, 3, Float.NaN));
      assertError("tensor '" + name + "' holds values that are no numbers");
    }
    copy("xmod-own-norm");
    rewrite(
        tensors ->
            tensors
                .get("linear.weight")
                .bytes()
                .setAtIndex(Layouts.F32, 0, Float.POSITIVE_INFINITY));
    assertError("tensor 'linear.weight' holds values that are no numbers");
    for (String name :
        List.of(
            "roberta.embeddings.word_embeddings.weight",
            "roberta.encoder.layer.0.output.adapter_modules.en_XX.dense1.weight")) {
      copy("xmod-own-norm");
      rewrite(
          tensors -> {
            StoredTensor tensor = tensors.get(name);
            for (long i = 0; i < tensor.elements(); i++) {
              tensor.bytes().setAtIndex(Layouts.F32, i, Float.NaN);
            }
          });
      assertEncodingError("tensor '" + name + "' holds values that are no numbers");
    }
  }

  @Test
  void vocabularies() throws IOException {
    copy("xmod-own-norm");
    rewrite(
        tensors -> {
          StoredTensor words = tensors.get("roberta.embeddings.word_embeddings.weight");
          long[] shape = {40, words.shape()[1]};
          MemorySegment part = words.bytes().asSlice(0, 40 * shape[1] * Float.BYTES);
          tensors.put(
              "roberta.embeddings.word_embeddings.weight",
              StoredTensor.of(ElementType.F32, shape, part));
        });
    assertError("tokens, the model only 40; they do not belong together");
  }

  @Test
  void modules() throws IOException {
    copy("roberta-modules");
    edit("modules.json", "pylate.models.Dense.Dense", "sentence_transformers.models.CNN");
    assertError("module 'sentence_transformers.models.CNN' is not supported");
    copy("roberta-modules");
    edit("modules.json", "\"2_Dense\"", "\"2_Dens\"");
    assertError("names the folder '2_Dens', which is missing");
    copy("roberta-modules");
    edit("modules.json", "\"2_Dense\"", "\"../2_Dense\"");
    assertError("names the folder '../2_Dense', which is missing");
    copy("roberta-modules");
    edit("2_Dense/config.json", "\"bias\": false", "\"bias\": true");
    assertError("lacks a tensor 'linear.bias', but config.json says bias true");
    copy("roberta-modules");
    edit("1_Dense/config.json", "activation.Tanh", "activation.Mish");
    assertError("activation 'torch.nn.modules.activation.Mish' is not supported");
    copy("roberta-modules");
    edit("modules.json", "models.Transformer", "models.Dense");
    assertError("names no Transformer");
    copy("roberta-modules");
    edit("config_sentence_transformers.json", "\"query_length\": 16", "\"query_length\": 64");
    assertError("but the model reads at most 48 tokens");
  }

  @Test
  void modernBertVariants() throws IOException {
    copy("modernbert-text-prefixes");
    edit("config.json", "\"norm_bias\": true", "\"norm_bias\": false");
    assertError("has a tensor 'embeddings.norm.bias' that the model of config.json has not");
    copy("modernbert-text-prefixes");
    edit(
        "config.json",
        "\"norm_bias\"",
        "\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\"}}, \"norm_bias\"");
    assertError("rope_type 'yarn' is not supported");
  }

  @Test
  void crossEncoders() throws IOException {
    copy("xlmr-cross-encoder");
    rewrite(
        tensors -> {
          MemorySegment two = Arena.ofAuto().allocate(2L * 16 * Float.BYTES);
          tensors.put(
              "classifier.out_proj.weight",
              StoredTensor.of(ElementType.F32, new long[] {2, 16}, two));
        });
    assertError("has 2 outputs a pair", () -> CrossEncoder.open(folder.toString()));
    copy("bge-m3");
    assertError("is no cross-encoder", () -> CrossEncoder.open(folder.toString()));
    copy("xlmr-cross-encoder");
    assertError("pairs of 100 tokens", () -> CrossEncoder.open(folder.toString(), 100));
  }

  private void assertError(String expected) {
    assertError(expected, () -> Encoders.open(folder.toString(), 1, language()));
  }

  private static void assertError(String expected, Executable action) {
    TartanException e = assertThrows(TartanException.class, action);
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(expected), message);
    assertEquals(1, message.lines().count(), message);
  }

  private void assertEncodingError(String expected) {
    try (Encoder encoder = Encoders.open(folder.toString(), 1, language());
        Arena arena = Arena.ofConfined()) {
      assertError(expected, () -> encoder.encodeQuery("late interaction", arena));
      assertError(expected, () -> encoder.encodePassages(List.of("late interaction"), arena));
    }
  }

  private @org.jspecify.annotations.Nullable String language() {
    Path config = folder.resolve("config.json");
    try {
      return Files.exists(config) && Files.readString(config).contains("languages") ? "en" : null;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Changes {@code model.safetensors}. */
  private void rewrite(Consumer<Map<String, StoredTensor>> change) throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(Files.size(file), 64);
      copy.copyFrom(MemorySegment.ofArray(Files.readAllBytes(file)));
      Map<String, StoredTensor> tensors =
          new LinkedHashMap<>(SafetensorsFile.of("copy", copy).tensors());
      change.accept(tensors);
      SafetensorsFile.write(file, tensors);
    }
  }

  private void edit(String name, String from, String to) throws IOException {
    Path file = folder.resolve(name);
    String text = Files.readString(file);
    assertTrue(text.contains(from), text);
    Files.writeString(file, text.replace(from, to));
  }

  private void copy(String name) throws IOException {
    Path source;
    try {
      source =
          Path.of(
              Objects.requireNonNull(BrokenCheckpointTest.class.getResource("/checkpoints/" + name))
                  .toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    try (var old = Files.list(folder)) {
      for (Path file : old.filter(Files::isRegularFile).toList()) {
        Files.delete(file);
      }
    }
    try (var files = Files.walk(source)) {
      for (Path file : files.toList()) {
        Path target = folder.resolve(source.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.write(target, Files.readAllBytes(file));
        }
      }
    }
  }
}
