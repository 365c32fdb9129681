package dev.tartan.jmh.scale;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options that say what is generated. */
@SuppressWarnings("NullAway.Init") // picocli sets the fields
final class Generated {
  @Option(
      names = "--model",
      required = true,
      description = "The folder that './tartan bench generate fit' wrote.")
  Path model;

  @Option(
      names = "--seed",
      description = "Another seed, other passages (default: ${DEFAULT-VALUE}).")
  long seed = 1;

  /** A corpus of {@code passages} passages. */
  GeneratedCorpus corpus(int passages) {
    return new GeneratedCorpus(CorpusModel.load(model), Recipe.DEFAULT, seed, passages);
  }
}
