package dev.tartan.encode.text;

import java.util.Arrays;

/** Builds what a cross-encoder reads: a query and a passage in one sequence. */
public final class PairInputs {
  private final Tokenizer tokenizer;
  private final Tokenizer.PairFrame frame;
  private final int maxLength;

  /**
   * @param maxLength the most tokens of a pair, special ones included
   */
  public PairInputs(Tokenizer tokenizer, int maxLength) {
    this.tokenizer = tokenizer;
    this.frame = tokenizer.pairFrame();
    this.maxLength = maxLength;
  }

  /** The sequence of a pair; of too long a pair the longer text is cut first. */
  public TokenSequence pair(String query, String passage) {
    int[] first = tokenizer.tokenizeOnly(query).ids();
    int[] second = tokenizer.tokenizeOnly(passage).ids();
    int around = frame.before().length + frame.between().length + frame.after().length;
    int room = Math.max(0, maxLength - around);
    int[] lengths = fit(first.length, second.length, room);
    int[] ids = new int[around + lengths[0] + lengths[1]];
    int n = append(ids, 0, frame.before(), frame.before().length);
    n = append(ids, n, first, lengths[0]);
    int secondFrom = (int) Math.min(ids.length, (long) n + frame.second());
    n = append(ids, n, frame.between(), frame.between().length);
    n = append(ids, n, second, lengths[1]);
    append(ids, n, frame.after(), frame.after().length);
    String[] names = new String[ids.length];
    Arrays.setAll(names, i -> tokenizer.token(ids[i]));
    return new TokenSequence(ids, names, ids.length, new int[] {0}, secondFrom);
  }

  private static int append(int[] target, int at, int[] source, int count) {
    System.arraycopy(source, 0, target, at, count);
    return at + count;
  }

  /**
   * The lengths of two texts cut to {@code room} together: the longer alone if that is enough, else
   * both to a half, of which the longer keeps the odd token ("longest first").
   */
  static int[] fit(int first, int second, int room) {
    if (first + second <= room) {
      return new int[] {first, second};
    }
    int shorter = Math.min(first, second);
    int longer = Math.max(shorter, room - shorter);
    if (shorter + longer > room) {
      shorter = room / 2;
      longer = room - shorter;
    }
    return first <= second ? new int[] {shorter, longer} : new int[] {longer, shorter};
  }
}
