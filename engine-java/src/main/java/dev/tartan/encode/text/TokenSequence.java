package dev.tartan.encode.text;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One text as a model reads it. Arrays are not copied; nobody changes them.
 *
 * @param ids token ids in order
 * @param tokens a printable name for each id
 * @param attended the first so many ids are attended to; those behind still give rows
 * @param kept the positions whose rows are kept, ascending
 * @param second where the second text of a pair begins; the length where there is one text
 */
public record TokenSequence(int[] ids, String[] tokens, int attended, int[] kept, int second) {
  public int length() {
    return ids.length;
  }

  /** The printable names of the kept rows. */
  public List<String> keptTokens() {
    return IntStream.of(kept).mapToObj(i -> tokens[i]).toList();
  }

  @Override
  public String toString() {
    return Arrays.toString(tokens);
  }
}
