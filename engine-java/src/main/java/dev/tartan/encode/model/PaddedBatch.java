package dev.tartan.encode.model;

import dev.tartan.encode.text.TokenSequence;
import java.util.Arrays;
import java.util.List;

/**
 * Sequences side by side, filled up with id 0 to the longest. What fills up is never attended to
 * and never kept, so the id does not matter.
 *
 * @param ids [sequences, length]
 * @param mask [sequences, length]: 0 where tokens may look, -infinity elsewhere
 * @param kept the rows that are kept, as numbers into [sequences * length]
 * @param isPadded whether the mask holds anything but zeros
 */
record PaddedBatch(long[] ids, float[] mask, long[] kept, int sequences, boolean isPadded) {
  int length() {
    return ids.length / sequences;
  }

  static PaddedBatch of(List<TokenSequence> batch) {
    int length = batch.stream().mapToInt(TokenSequence::length).max().orElseThrow();
    int rows = batch.stream().mapToInt(sequence -> sequence.kept().length).sum();
    long[] ids = new long[batch.size() * length];
    float[] mask = new float[ids.length];
    long[] kept = new long[rows];
    boolean isPadded = false;
    int n = 0;
    for (int s = 0; s < batch.size(); s++) {
      TokenSequence sequence = batch.get(s);
      int first = s * length;
      for (int i = 0; i < sequence.length(); i++) {
        ids[first + i] = sequence.ids()[i];
      }
      Arrays.fill(mask, first + sequence.attended(), first + length, Float.NEGATIVE_INFINITY);
      isPadded |= sequence.attended() < length;
      for (int position : sequence.kept()) {
        kept[n++] = (long) first + position;
      }
    }
    return new PaddedBatch(ids, mask, kept, batch.size(), isPadded);
  }
}
