package dev.tartan.train;

import dev.tartan.encode.model.Torch;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Token embeddings of some texts, one text after another.
 *
 * @param values float32 [sum of lengths, dim]
 * @param lengths the rows of each text
 */
record Rows(Tensor values, int[] lengths) {
  /** Below any scalar product of unit vectors, as in ColBERT. */
  private static final float NEVER = -9999;

  int texts() {
    return lengths.length;
  }

  int longest() {
    return Math.max(1, Arrays.stream(lengths).max().orElse(0));
  }

  /** The texts side by side, filled up with zeros: [texts, longest, dim]. */
  Tensor padded() {
    long dim = values.size(1);
    Tensor zero = torch.zeros(1, dim);
    int longest = longest();
    long[] places = new long[texts() * longest];
    long first = 0;
    Arrays.fill(places, values.size(0));
    for (int text = 0; text < texts(); text++) {
      for (int i = 0; i < lengths[text]; i++) {
        places[text * longest + i] = first++;
      }
    }
    return torch
        .cat(new TensorVector(values, zero))
        .index_select(0, Torch.longs(places, places.length))
        .view(texts(), longest, dim);
  }

  /** What keeps filling from being the best match: [texts, longest], 0 or a large negative. */
  Tensor mask() {
    int longest = longest();
    float[] mask = new float[texts() * longest];
    for (int text = 0; text < texts(); text++) {
      Arrays.fill(mask, text * longest + lengths[text], (text + 1) * longest, NEVER);
    }
    return Torch.floats(mask, texts(), longest);
  }
}
