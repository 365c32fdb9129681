package dev.tartan.checkpoint;

import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The floating point tensors of a weight file as float32 in memory of their own, so that they can
 * be changed and written. Whoever changes them sees to it that nobody reads meanwhile.
 */
public final class MemoryWeights implements Weights {
  private final String source;
  private final Map<String, StoredTensor> tensors;

  private MemoryWeights(String source, Map<String, StoredTensor> tensors) {
    this.source = source;
    this.tensors = Collections.unmodifiableMap(tensors);
  }

  /**
   * Copies {@code file} to {@code arena}. Integer tensors, which are constants of the architecture,
   * are left out.
   *
   * @param rename gives each tensor its name in the copy
   */
  public static MemoryWeights copy(Weights file, UnaryOperator<String> rename, Arena arena) {
    Map<String, StoredTensor> copies = new LinkedHashMap<>();
    file.tensors()
        .forEach(
            (name, tensor) -> {
              if (tensor.type().isFloat()) {
                copies.put(
                    rename.apply(name),
                    StoredTensor.of(ElementType.F32, tensor.shape(), tensor.copyFloats(arena)));
              }
            });
    return new MemoryWeights(file.source(), copies);
  }

  /** The tensors of both, which share no name; messages name the first. */
  public MemoryWeights with(MemoryWeights other) {
    Map<String, StoredTensor> all = new LinkedHashMap<>(tensors);
    all.putAll(other.tensors);
    return new MemoryWeights(source, all);
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public Map<String, StoredTensor> tensors() {
    return tensors;
  }
}
