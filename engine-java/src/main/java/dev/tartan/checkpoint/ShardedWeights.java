package dev.tartan.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * Tensors spread over several files, by an index that names the file of each ({@code
 * model.safetensors.index.json}, {@code pytorch_model.bin.index.json}).
 */
final class ShardedWeights implements Weights {
  private final String source;
  private final Map<String, StoredTensor> tensors;

  private ShardedWeights(String source, Map<String, StoredTensor> tensors) {
    this.source = source;
    this.tensors = Collections.unmodifiableMap(tensors);
  }

  /**
   * @param index the JSON file; shards lie beside it
   * @param reader of one shard
   * @throws TartanException if the index is damaged, or a shard is missing, damaged or without one
   *     of its tensors
   */
  static ShardedWeights open(Path index, Arena arena, BiFunction<Path, Arena, Weights> reader) {
    Map<String, Weights> shards = new HashMap<>();
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map(index).properties()) {
      String shard = entry.getValue().asText();
      if (shard.contains("/") || shard.contains("\\") || shard.contains("..")) {
        throw new TartanException("%s is damaged: '%s' is no file name".formatted(index, shard));
      }
      Path file = index.resolveSibling(shard);
      if (!Files.exists(file)) {
        throw new TartanException(
            "%s names the file '%s', which is missing; copy all parts of the model"
                .formatted(index, shard));
      }
      Weights weights = shards.computeIfAbsent(shard, _ -> reader.apply(file, arena));
      tensors.put(entry.getKey(), weights.tensor(entry.getKey()));
    }
    return new ShardedWeights(index.toString(), tensors);
  }

  private static JsonNode map(Path index) {
    try {
      JsonNode map = new ObjectMapper().readTree(Files.readString(index)).path("weight_map");
      if (map.isObject() && !map.isEmpty()) {
        return map;
      }
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new TartanException(index + " is damaged: it is no JSON", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + index, e);
    }
    throw new TartanException(index + " is damaged: it has no weight_map");
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
