package dev.tartan.interop;

import dev.tartan.memory.TartanException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** The layouts of other engines that are read. */
public enum ForeignFormat {
  /** PyTorch archives: colbert-ai, RAGatouille, PyLate's index of that name. */
  COLBERT_AI("colbert-ai"),
  /** NumPy arrays with codes of 64 bits, each chunk's or one merged file. */
  FAST_PLAID("fast-plaid"),
  /** What fast-plaid's became: all arithmetic in float32. */
  NEXT_PLAID("next-plaid");

  private final String label;

  ForeignFormat(String label) {
    this.label = label;
  }

  /** The name of the engine. */
  public String label() {
    return label;
  }

  /**
   * The format with this label.
   *
   * @throws TartanException if there is none
   */
  public static ForeignFormat of(String label) {
    return Arrays.stream(values())
        .filter(format -> format.label.equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new TartanException(
                    "format '%s' is not read; choose of %s".formatted(label, labels())));
  }

  /** All labels, for messages. */
  public static String labels() {
    return Arrays.stream(values()).map(ForeignFormat::label).collect(Collectors.joining(", "));
  }

  /**
   * The format of the index in {@code directory}, told from its files.
   *
   * @throws TartanException if it is none that is read
   */
  static ForeignFormat detect(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new TartanException("there is no index at %s: no such directory".formatted(directory));
    }
    if (Files.exists(directory.resolve("codes.compacted.pt"))) {
      throw new TartanException(
          directory + " is an index of WARP, which is not read; index the texts with Tartan");
    }
    if (Files.exists(directory.resolve("centroids.pt"))) {
      return COLBERT_AI;
    }
    if (Files.exists(directory.resolve("centroids.npy"))) {
      ForeignFiles files = new ForeignFiles(directory);
      boolean next = files.json("metadata.json").path("next_plaid_compatible").asBoolean();
      return next ? NEXT_PLAID : FAST_PLAID;
    }
    throw new TartanException(
        "%s has neither centroids.pt nor centroids.npy: it is no index of %s"
            .formatted(directory, labels()));
  }
}
