package dev.tartan.encode.model;

import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.checkpoint.Weights;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/**
 * The tensors of one model, shared with the memory of its weight file. Closing frees the handles;
 * the memory belongs to the arena. Reading from many threads is safe, since nothing changes them.
 */
final class Parameters implements AutoCloseable {
  private final Weights weights;
  private final Arena arena;
  private final boolean trains;
  private final Map<String, Tensor> read = new LinkedHashMap<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<TensorOptional> optionals = new ArrayList<>();

  Parameters(Weights weights, Arena arena) {
    this(weights, arena, false);
  }

  /**
   * @param trains whether gradients are wanted; then {@code weights} are float32 in memory that may
   *     be written
   */
  Parameters(Weights weights, Arena arena, boolean trains) {
    this.weights = weights;
    this.arena = arena;
    this.trains = trains;
  }

  boolean trains() {
    return trains;
  }

  /** Every tensor that was asked for, by its name. */
  Map<String, Tensor> read() {
    return Collections.unmodifiableMap(read);
  }

  boolean has(String name) {
    return weights.tensors().containsKey(name);
  }

  String source() {
    return weights.source();
  }

  /** Extent {@code axis} of the tensor {@code name}. */
  int extent(String name, int axis) {
    long[] shape = weights.tensor(name).shape();
    if (axis >= shape.length) {
      throw new TartanException(
          "%s: tensor '%s' has shape %s".formatted(source(), name, Arrays.toString(shape)));
    }
    return Math.toIntExact(shape[axis]);
  }

  /**
   * The tensor {@code name}, float32.
   *
   * @throws TartanException if it is missing or has another shape
   */
  Tensor get(String name, long... shape) {
    StoredTensor stored = weights.tensor(name);
    if (!Arrays.equals(stored.shape(), shape)) {
      throw new TartanException(
          "%s: tensor '%s' has shape %s; config.json asks for %s"
              .formatted(source(), name, Arrays.toString(stored.shape()), Arrays.toString(shape)));
    }
    Tensor tensor = keep(Torch.share(weights.floats(name, arena), shape));
    if (trains) {
      tensor.set_requires_grad(true);
    }
    read.put(name, tensor);
    return tensor;
  }

  /** As {@link #get}, in the form that optional arguments take. */
  TensorOptional optional(String name, long... shape) {
    TensorOptional optional = new TensorOptional(get(name, shape));
    optional.retainReference();
    optionals.add(optional);
    return optional;
  }

  /** The optional argument that is not there. */
  TensorOptional none() {
    TensorOptional none = new TensorOptional();
    none.retainReference();
    optionals.add(none);
    return none;
  }

  /** Memory for a tensor that is computed at loading, and the tensor. */
  Tensor allocate(long... shape) {
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    MemorySegment memory = arena.allocate(elements * Float.BYTES, 64);
    return keep(Torch.share(memory, shape));
  }

  private Tensor keep(Tensor tensor) {
    // Out of reach of any scope: a parameter lives until close.
    tensor.retainReference();
    tensors.add(tensor);
    return tensor;
  }

  @Override
  public void close() {
    tensors.forEach(Tensor::releaseReference);
    tensors.clear();
    optionals.forEach(TensorOptional::releaseReference);
    optionals.clear();
  }
}
