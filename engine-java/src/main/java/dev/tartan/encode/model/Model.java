package dev.tartan.encode.model;

import dev.tartan.checkpoint.Weights;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A backbone with the memory of its weights: what {@link TokenEmbedder} and {@link PairScorer} have
 * in common. Safe for concurrent use; {@link #close} waits for calls in flight.
 */
final class Model {
  private final Arena arena;
  private final Parameters parameters;
  private final Backbone backbone;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Model(Arena arena, Parameters parameters, Backbone backbone) {
    this.arena = arena;
    this.parameters = parameters;
    this.backbone = backbone;
  }

  /**
   * Reads a backbone.
   *
   * @param arena owned by the result from here on
   */
  static Model open(ModelConfig config, Weights weights, int layers, Arena arena) {
    Torch.load();
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      Parameters parameters = new Parameters(weights, arena);
      return new Model(arena, parameters, Backbone.open(config, parameters, layers));
    }
  }

  Backbone backbone() {
    return backbone;
  }

  /** The tensors that the backbone was read from; a head of the same file is read from it too. */
  Parameters parameters() {
    return parameters;
  }

  /**
   * Runs the backbone and what stands on it.
   *
   * @param head hidden states [sequences * length, hidden] to the result
   * @param reader gets the result, row-major float32, in memory that is gone when it returns
   */
  void run(
      PaddedBatch batch,
      int language,
      Function<Tensor, Tensor> head,
      Consumer<MemorySegment> reader) {
    lock.readLock().lock();
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      if (closed) {
        throw new IllegalStateException("the encoder is closed");
      }
      Tensor result = head.apply(backbone.forward(batch.input(language))).contiguous();
      MemorySegment values = Torch.memory(result);
      requireNumbers(values);
      reader.accept(values);
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

  /** Large tensors are looked through only when a result shows that it is worth while. */
  private void requireNumbers(MemorySegment values) {
    float sum = 0;
    for (long i = 0; i < values.byteSize() / Float.BYTES; i++) {
      sum += values.getAtIndex(Layouts.F32, i);
    }
    if (!Float.isFinite(sum)) {
      String tensor = parameters.damaged();
      throw new TartanException(
          tensor == null
              ? parameters.source() + ": the model computes values that are no numbers"
              : tensor + " holds values that are no numbers; the checkpoint is damaged");
    }
  }

  void close(@Nullable Head head) {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        parameters.close();
        if (head != null) {
          head.close();
        }
        arena.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
