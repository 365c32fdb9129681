package dev.tartan.collection;

import dev.tartan.memory.TartanException;

/**
 * How documents are split into passages.
 *
 * @param tokens of a passage at most, its title counted and special tokens not; 8 or more
 * @param overlap tokens at most that a passage has in common with the one before it; 0 to half of
 *     {@code tokens}
 * @param unit what is not cut where it need not be
 */
public record Splitting(int tokens, int overlap, Unit unit) {
  /** What passages are made of. */
  public enum Unit {
    /**
     * Tokens: a passage is as long as may be and ends with a sentence where one ends in its second
     * half, else between two words.
     */
    TOKENS,
    /** Whole sentences, as many as fit; a longer one is cut as by {@link #TOKENS}. */
    SENTENCES
  }

  private static final int LEAST = 8;

  public Splitting {
    if (tokens < LEAST) {
      throw new TartanException(
          "split is %d; passages need at least %d word pieces".formatted(tokens, LEAST));
    }
    if (overlap < 0 || overlap > tokens / 2) {
      throw new TartanException(
          "overlap is %d; 0 to %d, half of a passage, can be had".formatted(overlap, tokens / 2));
    }
  }

  /** Passages of at most {@code tokens} word pieces that do not overlap. */
  public static Splitting of(int tokens) {
    return new Splitting(tokens, 0, Unit.TOKENS);
  }
}
