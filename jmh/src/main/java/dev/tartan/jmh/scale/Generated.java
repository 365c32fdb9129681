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

  @Option(names = "--crossover", hidden = true)
  double crossover = Recipe.DEFAULT.crossover();

  @Option(names = "--span", hidden = true)
  double span = Recipe.DEFAULT.span();

  @Option(names = "--turn", hidden = true)
  double turn = Recipe.DEFAULT.turn();

  @Option(names = "--kept", hidden = true)
  double kept = Recipe.DEFAULT.kept();

  @Option(names = "--variants", hidden = true)
  double variants = Recipe.DEFAULT.variants();

  @Option(names = "--repeats", hidden = true)
  double repeats = Recipe.DEFAULT.repeats();

  @Option(names = "--variety", hidden = true)
  double variety = Recipe.DEFAULT.variety();

  /** A corpus of {@code passages} passages. */
  GeneratedCorpus corpus(int passages) {
    Recipe recipe = new Recipe(crossover, span, turn, kept, variants, repeats, variety);
    return new GeneratedCorpus(CorpusModel.load(model), recipe, seed, passages);
  }
}
