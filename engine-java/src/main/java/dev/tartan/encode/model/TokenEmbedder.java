package dev.tartan.encode.model;

import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A backbone and the dense layers that ColBERT puts on it: token ids in, unit-length token
 * embeddings out. Safe for concurrent use; each call works on the calling thread alone. {@link
 * #close} waits for calls in flight.
 */
public final class TokenEmbedder implements AutoCloseable {
  private final Model model;
  private final @Nullable Head head;

  private TokenEmbedder(Model model, @Nullable Head head) {
    this.model = model;
    this.head = head;
  }

  /**
   * Builds a model.
   *
   * @param weights the backbone's tensors
   * @param head the dense layers on it, in order; none for rows that are the hidden states
   *     themselves
   * @param layers the layers of the backbone to run; 0 for all
   * @param arena holds all weights; owned by the result from here on, so of the shared kind
   * @throws TartanException if LibTorch does not load, the architecture is not supported, or a
   *     tensor is missing, misshapen or one too many
   */
  public static TokenEmbedder open(
      ModelConfig config, Weights weights, List<DenseLayer> head, int layers, Arena arena) {
    Model model = Model.open(config, weights, layers, arena);
    try (PointerScope _ = new PointerScope()) {
      Head dense = head.isEmpty() ? null : new Head(head, model.backbone().hiddenSize(), arena);
      return new TokenEmbedder(model, dense);
    }
  }

  /** Values in a row. */
  public int dim() {
    return head == null ? model.backbone().hiddenSize() : head.dim();
  }

  /** The longest sequence that the model reads. */
  public int maxLength() {
    return model.backbone().maxLength();
  }

  /** One more than the largest token id that the model knows. */
  public int vocabularySize() {
    return model.backbone().vocabularySize();
  }

  /** The languages that the model tells apart, in order; empty if it reads all alike. */
  public List<String> languages() {
    return model.backbone().languages();
  }

  /**
   * Computes the rows that the sequences keep, one sequence after another.
   *
   * @param language index into {@link #languages}; 0 where that is empty
   * @param reader gets [rows kept, dim] float32, row-major, every row of unit length, in memory
   *     that is gone when it returns; not called where no row is kept
   * @throws TartanException if LibTorch fails, for want of memory say, or if the weights hold what
   *     is no number
   * @throws IllegalStateException if the model is closed
   */
  public void embed(List<TokenSequence> sequences, int language, Consumer<MemorySegment> reader) {
    PaddedBatch batch = PaddedBatch.of(sequences);
    if (batch.kept().length > 0) {
      model.run(batch, language, hidden -> project(hidden, batch), reader);
    }
  }

  private Tensor project(Tensor hidden, PaddedBatch batch) {
    Tensor rows = hidden.index_select(0, Torch.longs(batch.kept(), batch.kept().length));
    Tensor values = head == null ? rows : head.apply(rows);
    Tensor lengths = values.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return values.div_(lengths.clamp_min_(new Scalar(1e-12)));
  }

  @Override
  public void close() {
    model.close(head);
  }
}
