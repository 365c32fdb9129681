package dev.tartan.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.MappedFile;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The safetensors format: the length of a JSON header (8 bytes), the header (type, shape and byte
 * range of each tensor), then the bytes.
 */
public final class SafetensorsFile implements Weights {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ALIGNMENT = 64;

  private final String source;
  private final Map<String, StoredTensor> tensors;

  private SafetensorsFile(String source, Map<String, StoredTensor> tensors) {
    this.source = source;
    this.tensors = Collections.unmodifiableMap(tensors);
  }

  /**
   * Maps {@code path} into {@code arena}.
   *
   * @throws TartanException if it cannot be read, is damaged or truncated
   */
  public static SafetensorsFile open(Path path, Arena arena) {
    return of(path.toString(), MappedFile.map(path, arena));
  }

  /**
   * Reads a file that lies in memory.
   *
   * @param source what to call it in messages
   */
  public static SafetensorsFile of(String source, MemorySegment file) {
    long header = file.byteSize() < 8 ? -1 : file.get(Layouts.I64, 0);
    if (header < 2 || header > file.byteSize() - 8 || header > Integer.MAX_VALUE) {
      throw new TartanException(source + " is no safetensors file, or is truncated in its header");
    }
    MemorySegment data = file.asSlice(8 + header);
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    try {
      JsonNode root = JSON.readTree(file.asSlice(8, header).toArray(ValueLayout.JAVA_BYTE));
      for (Map.Entry<String, JsonNode> field : root.properties()) {
        if (!field.getKey().equals("__metadata__")) {
          tensors.put(field.getKey(), tensor(source, field.getKey(), field.getValue(), data));
        }
      }
    } catch (IOException e) {
      throw new TartanException(source + " is damaged: its header is no JSON", e);
    }
    return new SafetensorsFile(source, tensors);
  }

  private static StoredTensor tensor(
      String source, String name, JsonNode entry, MemorySegment data) {
    JsonNode extents = entry.path("shape");
    long[] shape = new long[extents.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = extents.path(i).asLong(-1);
    }
    long begin = entry.path("data_offsets").path(0).asLong(-1);
    long end = entry.path("data_offsets").path(1).asLong(-1);
    if (begin < 0 || end < begin) {
      throw new TartanException("%s is damaged at tensor '%s'".formatted(source, name));
    }
    if (end > data.byteSize()) {
      throw new TartanException(
          "%s is truncated: tensor '%s' ends at byte %d of %d; copy the file again"
              .formatted(source, name, end, data.byteSize()));
    }
    try {
      ElementType type = ElementType.valueOf(entry.path("dtype").asText());
      return StoredTensor.of(type, shape, data.asSlice(begin, end - begin));
    } catch (IllegalArgumentException e) {
      throw new TartanException(
          "%s: tensor '%s' is of type %s, which is not read"
              .formatted(source, name, entry.path("dtype")),
          e);
    } catch (TartanException e) {
      throw new TartanException(
          "%s is damaged: tensor '%s': %s".formatted(source, name, e.getMessage()), e);
    }
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public Map<String, StoredTensor> tensors() {
    return tensors;
  }

  /**
   * Creates or replaces {@code path} with {@code tensors}, in their order, the first 64-byte
   * aligned in the file. The same tensors give the same bytes.
   *
   * @throws TartanException if it cannot be written
   */
  public static void write(Path path, Map<String, StoredTensor> tensors) {
    ObjectNode header = JSON.createObjectNode();
    long end = 0;
    for (Map.Entry<String, StoredTensor> entry : tensors.entrySet()) {
      StoredTensor tensor = entry.getValue();
      ObjectNode field = header.putObject(entry.getKey()).put("dtype", tensor.type().name());
      var shape = field.putArray("shape");
      for (long extent : tensor.shape()) {
        shape.add(extent);
      }
      long begin = end;
      end += tensor.bytes().byteSize();
      field.putArray("data_offsets").add(begin).add(end);
    }
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      writeFully(channel, headerBytes(header));
      for (StoredTensor tensor : tensors.values()) {
        writeFully(channel, tensor.bytes().asByteBuffer());
      }
      channel.force(true); // the file that it replaces may be the only other copy
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  private static ByteBuffer headerBytes(ObjectNode header) throws JsonProcessingException {
    byte[] json = JSON.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
    int padding = Math.floorMod(-(8 + json.length), ALIGNMENT);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + padding).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(json.length + (long) padding).put(json);
    while (bytes.hasRemaining()) {
      bytes.put((byte) ' ');
    }
    return bytes.flip();
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
