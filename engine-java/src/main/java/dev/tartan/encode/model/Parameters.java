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
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one model, shared with the memory of its weight file. Closing frees the handles;
 * the memory belongs to the arena. Reading from many threads is safe, since nothing changes them.
 */
final class Parameters implements AutoCloseable {
  /** What frameworks put before the names of a backbone's tensors. */
  private static final List<String> PREFIXES =
      List.of("", "bert.", "roberta.", "distilbert.", "model.", "0.auto_model.");

  /** Constants that older checkpoints carry along. */
  private static final List<String> PASSENGERS =
      List.of("position_ids", "token_type_ids", "inv_freq");

  private final Weights weights;
  private final Arena arena;
  private final boolean trains;
  private final Map<String, Tensor> read = new LinkedHashMap<>();
  private final List<Pointer> kept = new ArrayList<>();

  Parameters(Weights weights, Arena arena) {
    this(weights, arena, false);
  }

  /**
   * Opens the tensors of a file.
   *
   * @param trains whether gradients are wanted; then {@code weights} are float32 in memory that may
   *     be written
   */
  Parameters(Weights weights, Arena arena, boolean trains) {
    this.weights = weights;
    this.arena = arena;
    this.trains = trains;
  }

  /** Whether gradients are wanted. */
  boolean trains() {
    return trains;
  }

  /** Every tensor that was asked for, by its name, in that order. */
  Map<String, Tensor> read() {
    return Collections.unmodifiableMap(read);
  }

  boolean has(String name) {
    return weights.tensors().containsKey(name);
  }

  String source() {
    return weights.source();
  }

  /**
   * What stands before {@code name} in this file.
   *
   * @throws TartanException if no tensor is called so
   */
  String prefix(String name) {
    return PREFIXES.stream()
        .filter(prefix -> has(prefix + name))
        .findFirst()
        .orElseThrow(
            () ->
                new TartanException(
                    "%s has no tensor '%s', with or without a prefix; are these the weights of the model that config.json describes?"
                        .formatted(source(), name)));
  }

  /**
   * Makes sure that nothing of the backbone was left unread, which would be a different model.
   *
   * @param layers how many layers were asked for; nothing is checked unless 0, all of them
   * @param parts the prefixes of the backbone's tensors
   * @throws TartanException that names the first tensor left
   */
  void requireNoOther(int layers, String... parts) {
    for (String name : weights.names()) {
      if (layers == 0
          && !read.containsKey(name)
          && Stream.of(parts).anyMatch(name::startsWith)
          && PASSENGERS.stream().noneMatch(name::endsWith)) {
        throw new TartanException(
            "%s has a tensor '%s' that the model of config.json has not; are both of the same model?"
                .formatted(source(), name));
      }
    }
  }

  /** "FILE: tensor 'NAME'" of the first tensor with a value that is no finite number, or null. */
  @Nullable String damaged() {
    for (Map.Entry<String, Tensor> entry : read.entrySet()) {
      if (!isFinite(entry.getValue())) {
        return "%s: tensor '%s'".formatted(source(), entry.getKey());
      }
    }
    return null;
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
   * @throws TartanException if it is missing, has another shape, or holds a value that is no finite
   *     number
   */
  Tensor get(String name, long... shape) {
    Tensor tensor = unread(name, shape);
    if (!isFinite(tensor)) {
      throw new TartanException(
          "%s: tensor '%s' holds values that are no numbers; the checkpoint is damaged"
              .formatted(source(), name));
    }
    return tensor;
  }

  private static boolean isFinite(Tensor tensor) {
    return Float.isFinite(tensor.sum().item_float());
  }

  /**
   * As {@link #get} without reading the values, for large tensors of which a text needs little.
   * Must go into the residual sums of the backbone, where what is no number shows in the result;
   * attention scores would hide it.
   */
  Tensor unread(String name, long... shape) {
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
    return keep(new TensorOptional(get(name, shape)));
  }

  /** The optional argument that is not there. */
  TensorOptional none() {
    return keep(new TensorOptional());
  }

  /** Memory for a tensor that is computed at loading, and the tensor. */
  Tensor allocate(long... shape) {
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return keep(Torch.share(allocateMemory(elements), shape));
  }

  /** Memory for {@code elements} values, freed with the model. */
  MemorySegment allocateMemory(long elements) {
    return arena.allocate(elements * Float.BYTES, 64);
  }

  /** Keeps {@code pointer} until {@link #close}, out of reach of any scope. */
  <T extends Pointer> T keep(T pointer) {
    pointer.retainReference();
    kept.add(pointer);
    return pointer;
  }

  @Override
  public void close() {
    kept.forEach(Pointer::releaseReference);
    kept.clear();
  }
}
