package dev.tartan.cli;

import dev.tartan.encode.TokenPooling;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How many rows are kept of a passage's tokens, for commands that encode passages. */
final class PoolingOptions {
  @Option(
      names = "--pool-factor",
      paramLabel = "N",
      description =
          "Keep one row for every N tokens of a passage: those most alike share their mean. 2 or 3 cost little"
              + " (default: a row for every token).")
  int factor = 1;

  @Option(
      names = "--pool-protected",
      paramLabel = "N",
      description = "Tokens at the start of a passage that are not pooled (default: 1).")
  @Nullable Integer protectedTokens;

  /** The pooling that was asked for; a wrong number is an error of usage. */
  TokenPooling pooling(Shared shared) {
    if (factor == 1 && protectedTokens != null) {
      throw shared.wrong("--pool-protected says what --pool-factor leaves; give that too");
    }
    return shared.usage(
        () ->
            protectedTokens == null
                ? TokenPooling.by(factor)
                : new TokenPooling(factor, protectedTokens));
  }
}
