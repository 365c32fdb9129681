package dev.tartan.checkpoint;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * The named tensors of one weight file, or of several that belong together. Their memory lives as
 * long as the arena that the file was opened with. Implementations are immutable and safe for
 * concurrent use.
 */
public interface Weights {
  /**
   * Opens the weights of the model in {@code folder}, of whichever kind they are: safetensors, a
   * PyTorch state dict (each in one file or in several with an index) or ONNX.
   *
   * @param arena the scope of the tensors
   * @throws TartanException if there are none, or a file is missing, damaged or truncated
   */
  static Weights open(Path folder, Arena arena) {
    Path safetensors = folder.resolve("model.safetensors");
    Path safetensorsIndex = folder.resolve("model.safetensors.index.json");
    Path torch = folder.resolve("pytorch_model.bin");
    Path torchIndex = folder.resolve("pytorch_model.bin.index.json");
    Path onnx = folder.resolve("model.onnx");
    if (Files.exists(safetensors)) {
      return SafetensorsFile.open(safetensors, arena);
    }
    if (Files.exists(safetensorsIndex)) {
      return ShardedWeights.open(safetensorsIndex, arena, SafetensorsFile::open);
    }
    if (Files.exists(torch)) {
      return TorchFile.open(torch, arena);
    }
    if (Files.exists(torchIndex)) {
      return ShardedWeights.open(torchIndex, arena, TorchFile::open);
    }
    if (Files.exists(onnx)) {
      return OnnxFile.open(onnx, arena);
    }
    throw new TartanException(
        folder + " has no weights: model.safetensors, pytorch_model.bin or model.onnx");
  }

  /** The file or resource, for messages. */
  String source();

  /** Every tensor by its name, in the file's order. */
  Map<String, StoredTensor> tensors();

  default Set<String> names() {
    return tensors().keySet();
  }

  /**
   * The tensor called {@code name}.
   *
   * @throws TartanException if there is none
   */
  default StoredTensor tensor(String name) {
    StoredTensor tensor = tensors().get(name);
    if (tensor == null) {
      throw new TartanException("%s has no tensor '%s'".formatted(source(), name));
    }
    return tensor;
  }

  /**
   * The values of {@code name} as float32 in row-major order. May share the file's memory, so use
   * them only while both the file's arena and {@code arena} are open.
   *
   * @throws TartanException if there is none, or if it holds integers
   */
  default MemorySegment floats(String name, Arena arena) {
    try {
      return tensor(name).floats(arena);
    } catch (TartanException e) {
      throw inTensor(name, e);
    }
  }

  /** Adds file and tensor to the message of {@code e}, unless it names the file already. */
  private TartanException inTensor(String name, TartanException e) {
    String message = String.valueOf(e.getMessage());
    return message.startsWith(source())
        ? e
        : new TartanException("%s: tensor '%s' %s".formatted(source(), name, message), e);
  }
}
