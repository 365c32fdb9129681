package dev.tartan.encode.model;

import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A backbone and the linear layer that ColBERT puts on it: token ids in, unit-length token
 * embeddings out. Safe for concurrent use; each call works on the calling thread alone. {@link
 * #close} waits for calls in flight.
 */
public final class TokenEmbedder implements AutoCloseable {
  private final Arena arena;
  private final List<Parameters> parameters;
  private final Backbone backbone;
  private final @Nullable Projection projection;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private TokenEmbedder(
      Arena arena, Backbone backbone, Parameters weights, @Nullable Parameters head) {
    this.arena = arena;
    this.backbone = backbone;
    this.parameters = head == null ? List.of(weights) : List.of(weights, head);
    this.projection = head == null ? null : new Projection(head, backbone.hiddenSize());
  }

  /**
   * Builds a model.
   *
   * @param weights the backbone's tensors
   * @param head where {@code linear.weight} [dim, hidden] and perhaps {@code linear.bias} [dim]
   *     are, or null for rows that are the hidden states themselves
   * @param layers the layers of the backbone to run; 0 for all
   * @param arena holds all weights; owned by the result from here on, so of the shared kind
   * @throws TartanException if LibTorch does not load, the architecture is not supported, or a
   *     tensor is missing or misshapen
   */
  public static TokenEmbedder open(
      ModelConfig config, Weights weights, @Nullable Weights head, int layers, Arena arena) {
    Torch.load();
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      Parameters parameters = new Parameters(weights, arena);
      Backbone backbone = open(config, parameters, layers);
      return new TokenEmbedder(
          arena, backbone, parameters, head == null ? null : new Parameters(head, arena));
    }
  }

  static Backbone open(ModelConfig config, Parameters parameters, int layers) {
    return switch (config.modelType()) {
      case "bert" -> new BertBackbone(config, parameters, layers);
      default ->
          throw new TartanException(
              "%s: model_type '%s' is not supported; bert is"
                  .formatted(config.source(), config.modelType()));
    };
  }

  /** Values in a row. */
  public int dim() {
    return projection == null ? backbone.hiddenSize() : projection.dim();
  }

  /** The longest sequence that the model reads. */
  public int maxLength() {
    return backbone.maxLength();
  }

  /** One more than the largest token id that the model knows. */
  public int vocabularySize() {
    return backbone.vocabularySize();
  }

  /**
   * The rows that the sequences keep, one sequence after another.
   *
   * @return row-major [rows kept, dim], every row of unit length
   * @throws TartanException if LibTorch fails, for want of memory say
   * @throws IllegalStateException if the model is closed
   */
  public float[] embed(List<TokenSequence> sequences) {
    lock.readLock().lock();
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      if (closed) {
        throw new IllegalStateException("the encoder is closed");
      }
      PaddedBatch batch = PaddedBatch.of(sequences);
      if (batch.kept().length == 0) {
        return new float[0];
      }
      Tensor ids = Torch.longs(batch.ids(), batch.sequences(), batch.length());
      Tensor mask =
          batch.isPadded()
              ? Torch.floats(batch.mask(), batch.sequences(), 1, 1, batch.length())
              : new Tensor();
      Tensor hidden = backbone.forward(ids, mask, Dropout.NONE);
      Tensor rows = hidden.index_select(0, Torch.longs(batch.kept(), batch.kept().length));
      return Torch.toArray(project(rows));
    } catch (IllegalStateException | TartanException e) {
      throw e;
    } catch (RuntimeException e) {
      String message = String.valueOf(e.getMessage());
      throw new TartanException(
          "LibTorch failed: " + message.lines().findFirst().orElse(message), e);
    } finally {
      lock.readLock().unlock();
    }
  }

  private Tensor project(Tensor rows) {
    Tensor values = projection == null ? rows : projection.apply(rows);
    Tensor lengths = values.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return values.div_(lengths.clamp_min_(new Scalar(1e-12)));
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        parameters.forEach(Parameters::close);
        arena.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
