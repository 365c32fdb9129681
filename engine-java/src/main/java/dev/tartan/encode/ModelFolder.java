package dev.tartan.encode;

import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.checkpoint.Weights;
import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.encode.model.DenseLayer;
import dev.tartan.encode.model.TokenEmbedder;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A folder that holds a checkpoint. */
final class ModelFolder {
  /** What belongs to a model beside its weights; in folders such as 1_Dense too. */
  private static final Pattern BESIDE =
      Pattern.compile(
          "artifact\\.metadata|(\\d+_\\w+/)?(?!.*\\.index\\.json$)[^/]+\\.(json|txt|model)");

  private final Path folder;
  private final String name;

  /**
   * Finds the folder that a user means, which comes before a model of the hub, or fetches it.
   *
   * @throws TartanException if there is none
   */
  static ModelFolder find(String model, Hub hub) {
    try {
      Path folder = Path.of(model).toAbsolutePath().normalize();
      if (Files.exists(folder)) {
        return new ModelFolder(folder, folder.toString());
      }
    } catch (InvalidPathException e) {
      throw new TartanException("no model '%s': it is no path".formatted(model), e);
    }
    if (!Hub.isName(model)) {
      throw new TartanException(
          "no model '%s': give '%s', the folder of a checkpoint, or a name of the hub such as colbert-ir/colbertv2.0"
              .formatted(model, Encoders.TARTAN_MINI));
    }
    Hub.Model fetched = hub.fetch(model);
    return new ModelFolder(fetched.folder(), fetched.name());
  }

  /**
   * @param folder an absolute path
   * @param name by which the model is found again
   * @throws TartanException if it is no folder of a model
   */
  private ModelFolder(Path folder, String name) {
    this.folder = folder;
    this.name = name;
    if (!Files.isDirectory(folder)) {
      throw new TartanException(folder + " is a file; a model is a folder with config.json in it");
    }
  }

  /**
   * Opens the late-interaction model.
   *
   * @param language of texts that do not tell theirs; null for that of the checkpoint
   */
  Encoder open(int threads, @Nullable String language) {
    Arena arena = Arena.ofShared();
    Tokenizer tokenizer = null;
    try {
      tokenizer = tokenizer();
      Checkpoint checkpoint = Checkpoint.read(folder, tokenizer, arena);
      TokenEmbedder embedder =
          TokenEmbedder.open(
              checkpoint.architecture(),
              checkpoint.weights(),
              checkpoint.head(),
              checkpoint.config().layer(),
              arena);
      if (embedder.dim() % 8 != 0) {
        throw new TartanException(
            "%s: rows have %d values; only multiples of 8 can be compressed"
                .formatted(checkpoint.weights().source(), embedder.dim()));
      }
      Languages languages = new Languages(name, embedder.languages());
      String stated = checkpoint.architecture().defaultLanguage();
      return new ColbertEncoder(
          name,
          checkpoint.config().withDim(embedder.dim()),
          tokenizer,
          embedder,
          languages.choose(language, stated),
          stated.isEmpty() ? 0 : languages.index(stated),
          threads);
    } catch (RuntimeException e) {
      arena.close();
      if (tokenizer != null) {
        tokenizer.close();
      }
      throw e;
    }
  }

  Path path() {
    return folder;
  }

  /** What the model is made of, with a copy of its weights in {@code arena}. */
  ModelParts parts(Arena arena) {
    Tokenizer tokenizer = tokenizer();
    try (Arena file = Arena.ofShared()) {
      Checkpoint checkpoint = Checkpoint.read(folder, tokenizer, file);
      Map<String, MemoryWeights> stored = new LinkedHashMap<>();
      MemoryWeights weights = copy(checkpoint.weights(), stored, arena);
      List<DenseLayer> head = new ArrayList<>();
      for (DenseLayer dense : checkpoint.head()) {
        // BGE's file, which is not one that can be written
        if (dense.prefix().isEmpty()) {
          throw new TartanException(
              folder + " is in the layout of BGE-M3, which cannot be trained");
        }
        MemoryWeights own =
            dense.weights() == checkpoint.weights()
                ? weights
                : copy(dense.weights(), stored, arena);
        head.add(new DenseLayer(own, dense.prefix(), dense.activation(), dense.residual()));
      }
      return new ModelParts(
          folder.toString(),
          checkpoint.architecture(),
          checkpoint.config(),
          tokenizer,
          weights,
          head,
          stored,
          files());
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  private MemoryWeights copy(Weights file, Map<String, MemoryWeights> stored, Arena arena) {
    MemoryWeights weights = MemoryWeights.copy(file, UnaryOperator.identity(), arena);
    Path beside = folder.relativize(Path.of(file.source())).resolveSibling("model.safetensors");
    stored.put(beside.toString(), weights);
    return weights;
  }

  /** All that belongs to the model but its weights. */
  private Map<String, byte[]> files() {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> found = Files.walk(folder, 2)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        String name = folder.relativize(file).toString();
        if (BESIDE.matcher(name).matches()) {
          files.put(name, Files.readAllBytes(file));
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read the model in " + folder, e);
    }
    return files;
  }

  /** Opens the tokenizer, which lies with the backbone. */
  Tokenizer tokenizer() {
    Path backbone =
        Files.exists(folder.resolve("modules.json")) ? ModulesLayout.backbone(folder) : folder;
    Checkpoint.architecture(backbone);
    return Tokenizer.open(backbone);
  }
}
