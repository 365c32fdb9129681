package dev.tartan.encode.model;

import dev.tartan.encode.text.TokenSequence;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences side by side, filled up with id 0 to the longest. What fills up is never attended to
 * and never kept, so the id does not matter.
 *
 * @param ids [sequences, length]
 * @param mask [sequences, length]: 0 where tokens may look, -infinity elsewhere
 * @param kept the rows that are kept, as numbers into [sequences * length]
 * @param isPadded whether the mask holds anything but zeros
 * @param types [sequences, length]: 1 for tokens of the second text of a pair; null if there is
 *     none
 */
record PaddedBatch(
    long[] ids,
    float[] mask,
    long[] kept,
    int sequences,
    boolean isPadded,
    long @Nullable [] types) {
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
    boolean isPair = batch.stream().anyMatch(sequence -> sequence.second() < sequence.length());
    long[] types = new long[isPair ? ids.length : 0];
    int n = 0;
    for (int s = 0; s < batch.size(); s++) {
      TokenSequence sequence = batch.get(s);
      int first = s * length;
      for (int i = 0; i < sequence.length(); i++) {
        ids[first + i] = sequence.ids()[i];
      }
      if (isPair) {
        Arrays.fill(types, first + sequence.second(), first + sequence.length(), 1);
      }
      Arrays.fill(mask, first + sequence.attended(), first + length, Float.NEGATIVE_INFINITY);
      isPadded |= sequence.attended() < length;
      for (int position : sequence.kept()) {
        kept[n++] = (long) first + position;
      }
    }
    return new PaddedBatch(ids, mask, kept, batch.size(), isPadded, isPair ? types : null);
  }

  /** As tensors that live as long as the pointer scope. */
  Input input(int language) {
    return input(language, Dropout.NONE);
  }

  /** As {@link #input(int)}, for training. */
  Input input(int language, Dropout dropout) {
    return new Input(
        Torch.longs(ids, sequences, length()),
        isPadded ? Torch.floats(mask, sequences, 1, 1, length()) : null,
        types == null ? null : Torch.longs(types, sequences, length()),
        language,
        dropout);
  }
}
