package dev.tartan.encode;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Opens encoders by the name or path that an index stores. */
public final class Encoders {
  /** The built-in model: small, English, its weights a Maven artifact. */
  public static final String TARTAN_MINI = "tartan-mini";

  private Encoders() {}

  /** As {@link #open(String, int)} with a thread for each processor. */
  public static Encoder open(String model) {
    return open(model, Runtime.getRuntime().availableProcessors());
  }

  /**
   * Opens a model.
   *
   * @param model {@link #TARTAN_MINI}, or the folder of a ColBERT checkpoint ({@code config.json},
   *     {@code tokenizer.json} or {@code vocab.txt}, {@code model.safetensors}, {@code
   *     pytorch_model.bin} or {@code model.onnx}, and {@code artifact.metadata} where it has one)
   * @param threads how many batches of passages are encoded at a time; queries use the calling
   *     thread
   * @throws TartanException if there is no such model, or one of its files is missing, damaged or
   *     of a kind that is not supported
   */
  public static Encoder open(String model, int threads) {
    if (threads < 1) {
      throw new TartanException("threads is " + threads + "; at least 1 is needed");
    }
    if (model.equals(TARTAN_MINI)) {
      return TartanMini.open(threads);
    }
    return existing(model).open(threads);
  }

  /**
   * Opens what a model is made of, to change it.
   *
   * @param model as in {@link #open(String, int)}
   * @param arena for a copy of all weights
   * @throws TartanException as {@link #open(String, int)}, or if there is no {@code linear.weight}
   */
  public static ModelParts parts(String model, Arena arena) {
    if (model.equals(TARTAN_MINI)) {
      return TartanMini.parts(arena);
    }
    return existing(model).parts(arena);
  }

  private static ModelFolder existing(String model) {
    Path folder = folder(model);
    if (!Files.exists(folder)) {
      throw new TartanException(
          "no model '%s': give '%s' or the folder of a ColBERT checkpoint"
              .formatted(model, TARTAN_MINI));
    }
    return new ModelFolder(folder.toAbsolutePath().normalize());
  }

  private static Path folder(String model) {
    try {
      return Path.of(model);
    } catch (InvalidPathException e) {
      throw new TartanException("no model '%s': it is no path".formatted(model), e);
    }
  }
}
