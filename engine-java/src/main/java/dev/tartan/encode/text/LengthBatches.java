package dev.tartan.encode.text;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Cuts sequences into batches of similar length, so that little padding is computed. Stateless.
 *
 * <p>A batch has as many sequences as fit {@code places} if each were as long as its longest, one
 * at least.
 */
public final class LengthBatches {
  private LengthBatches() {}

  /** Numbers of sequences, the longest first; equally long ones in their order. */
  public static List<int[]> of(List<TokenSequence> sequences, int places) {
    return of(sequences, Collections.nCopies(sequences.size(), 0), places);
  }

  /**
   * As {@link #of(List, int)}, with sequences of one group alone in a batch, by ascending groups.
   *
   * @param groups of each sequence
   */
  public static List<int[]> of(List<TokenSequence> sequences, List<Integer> groups, int places) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, sequences.size()).boxed().toList());
    order.sort(
        Comparator.<Integer>comparingInt(groups::get)
            .thenComparingInt(i -> -sequences.get(i).length()));
    List<int[]> batches = new ArrayList<>();
    for (int from = 0; from < order.size(); ) {
      int first = order.get(from);
      int longest = Math.max(1, sequences.get(first).length());
      int most = Math.min(order.size(), from + Math.max(1, places / longest));
      int to = from + 1;
      while (to < most && groups.get(order.get(to)).equals(groups.get(first))) {
        to++;
      }
      batches.add(order.subList(from, to).stream().mapToInt(Integer::intValue).toArray());
      from = to;
    }
    return batches;
  }
}
