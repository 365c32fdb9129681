package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.MappedFile;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code torch.save} writes since PyTorch 1.6: a ZIP archive of a pickle and one entry a
 * storage. Nested dictionaries and lists give names joined by dots ({@code "0"}, {@code "1"} for a
 * pair); a lone tensor is called {@code ""}. Devices are ignored: a tensor saved from a GPU reads
 * like any other.
 */
public final class TorchFile implements Weights {
  private static final int MAX_DEPTH = 16;
  private static final int MAX_VALUES = 1 << 20;
  private static final int ZIP_MAGIC = 0x04034b50;

  private final String source;
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
  private int visited;

  private TorchFile(String source) {
    this.source = source;
  }

  /**
   * Maps {@code path} into {@code arena}.
   *
   * @throws TartanException if it cannot be read, is damaged, truncated or in the older format, or
   *     if its pickle asks for anything but tensors
   */
  public static TorchFile open(Path path, Arena arena) {
    return of(path.toString(), MappedFile.map(path, arena));
  }

  /**
   * Reads a file that lies in memory.
   *
   * @param source what to call it in messages
   */
  public static TorchFile of(String source, MemorySegment file) {
    if (file.byteSize() < 4 || file.get(Layouts.I32, 0) != ZIP_MAGIC) {
      throw new TartanException(
          source
              + " is no PyTorch file of version 1.6 or later (no ZIP archive); save it again with"
              + " a recent PyTorch, or as safetensors");
    }
    Map<String, MemorySegment> entries = StoredZip.entries(source, file);
    String pickle =
        entries.keySet().stream()
            .filter(name -> name.equals("data.pkl") || name.endsWith("/data.pkl"))
            .findFirst()
            .orElseThrow(
                () -> new TartanException(source + " is no PyTorch file: it has no data.pkl"));
    String folder = pickle.substring(0, pickle.length() - "data.pkl".length());
    TorchFile torch = new TorchFile(source);
    StateDictReader reader =
        new StateDictReader(
            source,
            bytes(source, entries, pickle),
            key -> bytes(source, entries, folder + "data/" + key));
    torch.collect("", reader.read(), 0);
    return torch;
  }

  private static MemorySegment bytes(
      String source, Map<String, MemorySegment> entries, String name) {
    MemorySegment bytes = entries.get(name);
    if (bytes == null) {
      throw new TartanException("%s is damaged: entry '%s' is missing".formatted(source, name));
    }
    return bytes;
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  private void collect(String name, Object value, int depth) {
    if (depth > MAX_DEPTH || visited++ > MAX_VALUES) {
      throw new TartanException(source + " is damaged: it nests without end");
    }
    String prefix = name.isEmpty() ? "" : name + ".";
    switch (value) {
      case StoredTensor tensor -> tensors.put(name, tensor);
      case Map<?, ?> map -> map.forEach((key, item) -> collect(prefix + key, item, depth + 1));
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          collect(prefix + i, list.get(i), depth + 1);
        }
      }
      default -> {} // step counts, versions and the like
    }
  }
}
