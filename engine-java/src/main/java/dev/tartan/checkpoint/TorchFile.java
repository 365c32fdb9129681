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
import java.util.zip.CRC32;

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

  private static final int BLOCK = 1 << 16;

  private final String source;
  private final Map<String, StoredZip.Entry> entries;
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
  private int visited;

  private TorchFile(String source, Map<String, StoredZip.Entry> entries) {
    this.source = source;
    this.entries = entries;
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
    Map<String, StoredZip.Entry> entries = StoredZip.entries(source, file);
    String pickle =
        entries.keySet().stream()
            .filter(name -> name.equals("data.pkl") || name.endsWith("/data.pkl"))
            .findFirst()
            .orElseThrow(
                () -> new TartanException(source + " is no PyTorch file: it has no data.pkl"));
    String folder = pickle.substring(0, pickle.length() - "data.pkl".length());
    TorchFile torch = new TorchFile(source, entries);
    StateDictReader reader =
        new StateDictReader(
            source,
            bytes(source, entries, pickle),
            key -> bytes(source, entries, folder + "data/" + key));
    torch.collect("", reader.read(), 0);
    return torch;
  }

  private static MemorySegment bytes(
      String source, Map<String, StoredZip.Entry> entries, String name) {
    StoredZip.Entry entry = entries.get(name);
    if (entry == null) {
      throw new TartanException("%s is damaged: entry '%s' is missing".formatted(source, name));
    }
    return entry.bytes();
  }

  /**
   * Reads every byte and compares it with the archive's checksums, which {@link #open} does not.
   *
   * @return this
   * @throws TartanException that names the file and the first damaged entry
   */
  public TorchFile verify() {
    byte[] block = new byte[BLOCK];
    entries.forEach(
        (name, entry) -> {
          CRC32 crc = new CRC32();
          for (long i = 0; i < entry.bytes().byteSize(); i += BLOCK) {
            int n = (int) Math.min(BLOCK, entry.bytes().byteSize() - i);
            MemorySegment.copy(entry.bytes(), Layouts.U8, i, block, 0, n);
            crc.update(block, 0, n);
          }
          if ((int) crc.getValue() != entry.crc()) {
            throw new TartanException(
                "%s is damaged: entry '%s' does not match its checksum".formatted(source, name));
          }
        });
    return this;
  }

  /**
   * The one tensor of a file that holds no dictionary and no list.
   *
   * @throws TartanException if the file holds anything else
   */
  public StoredTensor single() {
    StoredTensor tensor = tensors.get("");
    if (tensor == null) {
      throw new TartanException(
          "%s holds %s; a single tensor is needed"
              .formatted(source, tensors.isEmpty() ? "no tensor" : "tensors " + tensors.keySet()));
    }
    return tensor;
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
