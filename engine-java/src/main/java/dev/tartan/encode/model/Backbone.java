package dev.tartan.encode.model;

import org.bytedeco.pytorch.Tensor;

/**
 * A transformer that turns token ids into hidden states. Implementations hold parameters only, so
 * one serves many threads.
 */
interface Backbone {
  /** Values in a hidden state. */
  int hiddenSize();

  /** The longest sequence that the positions reach. */
  int maxLength();

  /** One more than the largest id. */
  int vocabularySize();

  /**
   * Runs the model. Temporaries belong to the pointer scope of the caller.
   *
   * @param ids int64 [sequences, length]
   * @param attended float32 [sequences, 1, 1, length], 0 where tokens may look and -infinity where
   *     not; an undefined tensor if all may look everywhere
   * @param dropout what training leaves out
   * @return float32 [sequences * length, hiddenSize]
   */
  Tensor forward(Tensor ids, Tensor attended, Dropout dropout);
}
