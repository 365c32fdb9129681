package dev.tartan.encode;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Opens encoders by the name or path that an index stores. */
public final class Encoders {
  /** The built-in model: small, English, its weights a Maven artifact. */
  public static final String TARTAN_MINI = "tartan-mini";

  private Encoders() {}

  /** As {@link #open(String, int, String)} with a thread for each processor. */
  public static Encoder open(String model) {
    return open(model, Runtime.getRuntime().availableProcessors());
  }

  /** As {@link #open(String, int, String)} in the language that the checkpoint states. */
  public static Encoder open(String model, int threads) {
    return open(model, threads, null);
  }

  /**
   * Opens a model.
   *
   * @param model {@link #TARTAN_MINI}, or the folder of a checkpoint in the layout of ColBERT, of
   *     PyLate (or sentence-transformers), or of BGE-M3
   * @param threads how many batches of passages are encoded at a time; queries use the calling
   *     thread
   * @param language of texts that do not tell theirs, for models with a part for each language
   *     (X-MOD), such as {@code fr_XX} or {@code fr}, or {@code auto} to detect it (by Apache
   *     OpenNLP, which must be on the class path); null for that of the checkpoint
   * @throws TartanException if there is no such model or language, or one of its files is missing,
   *     damaged or of a kind that is not supported
   */
  public static Encoder open(String model, int threads, @Nullable String language) {
    if (threads < 1) {
      throw new TartanException("threads is " + threads + "; at least 1 is needed");
    }
    if (model.equals(TARTAN_MINI)) {
      new Languages(model, List.of()).choose(language, "");
      return TartanMini.open(threads);
    }
    return new ModelFolder(folder(model)).open(threads, language);
  }

  /**
   * Opens what a model is made of, to change it.
   *
   * @param model {@link #TARTAN_MINI}, or a folder in the layout of ColBERT or of PyLate
   * @param arena for a copy of all weights
   * @throws TartanException as {@link #open(String, int, String)}
   */
  public static ModelParts parts(String model, Arena arena) {
    return model.equals(TARTAN_MINI)
        ? TartanMini.parts(arena)
        : new ModelFolder(folder(model)).parts(arena);
  }

  /** The absolute path of a model's folder. */
  static Path folder(String model) {
    try {
      Path folder = Path.of(model).toAbsolutePath().normalize();
      if (Files.exists(folder)) {
        return folder;
      }
      throw new TartanException(
          "no model '%s': give '%s' or the folder of a ColBERT checkpoint"
              .formatted(model, TARTAN_MINI));
    } catch (InvalidPathException e) {
      throw new TartanException("no model '%s': it is no path".formatted(model), e);
    }
  }
}
