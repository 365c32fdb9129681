package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a backbone reads. The tensors belong to the pointer scope of the caller.
 *
 * @param ids int64 [sequences, length]
 * @param mask float32 [sequences, 1, 1, length], 0 where tokens may look and -infinity where not;
 *     null if all may look everywhere
 * @param types int64 [sequences, length], the text of a pair that each token is of; null if all are
 *     of the first
 * @param language index into the languages of the model; 0 where it has none
 * @param dropout what training leaves out
 */
record Input(
    Tensor ids, @Nullable Tensor mask, @Nullable Tensor types, int language, Dropout dropout) {
  long sequences() {
    return ids.size(0);
  }

  long length() {
    return ids.size(1);
  }

  /** Tokens of all sequences, padding included. */
  long rows() {
    return sequences() * length();
  }
}
