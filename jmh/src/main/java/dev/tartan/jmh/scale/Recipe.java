package dev.tartan.jmh.scale;

import dev.tartan.memory.TartanException;

/**
 * How freely generated passages depart from their templates. The defaults are those with which
 * passages drawn from a small part of a real collection are most like the whole of it.
 *
 * @param crossover share of spans that come from another template of the topic
 * @param span mean tokens of a span
 * @param turn how far the passage's context turns towards another template's, at most, in right
 *     angles
 * @param kept share of a residual's square that is the template's own, as far as its signs tell it;
 *     what follows are shares of the remainder
 * @param variants share of a residual's square that is a variant of the type, for a token close to
 *     it; of others less, down to none at distance 1
 * @param repeats share of the remainder that all tokens of the type in the passage have; the rest
 *     is noise
 * @param variety exponent of the variants' ranks: of n tokens of a type about n^(v/(1+v)) are
 *     different variants
 */
record Recipe(
    double crossover,
    double span,
    double turn,
    double kept,
    double variants,
    double repeats,
    double variety) {
  static final Recipe DEFAULT = new Recipe(0.1, 8, 0.3, 0.75, 0.8, 0.9, 1.0);

  Recipe {
    for (double share : new double[] {crossover, turn, kept, variants, repeats}) {
      if (!(share >= 0 && share <= 1)) {
        throw new TartanException("a share of %s; shares are from 0 to 1".formatted(share));
      }
    }
    if (!(span > 0 && variety > 0)) {
      throw new TartanException("the span and the variety of a corpus must be positive");
    }
  }
}
