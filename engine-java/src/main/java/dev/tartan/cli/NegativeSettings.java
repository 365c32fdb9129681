package dev.tartan.cli;

import dev.tartan.train.NegativeMiner;
import picocli.CommandLine.Option;

/** The options of drawing negatives. */
final class NegativeSettings {
  @Option(
      names = "--negatives",
      paramLabel = "N",
      description = "Of each example (default: ${DEFAULT-VALUE}).")
  int negatives = 15;

  @Option(
      names = "--from",
      paramLabel = "RANK",
      description =
          "Ranks to leave out, where unjudged passages are often relevant (default: ${DEFAULT-VALUE}).")
  int from = 5;

  @Option(
      names = "--to",
      paramLabel = "RANK",
      description = "Draw from the ranks up to this one (default: ${DEFAULT-VALUE}).")
  int to = 100;

  /** What is refused of these is wrong usage. */
  NegativeMiner miner(long seed, Shared shared) {
    return shared.usage(() -> new NegativeMiner(negatives, from, to, seed));
  }

  /** Ranks to ask a search for; relevant passages are left out of them, so some more. */
  int depth() {
    return to + 100;
  }
}
