package dev.tartan.encode.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The architecture of a checkpoint: its {@code config.json}. */
public final class ModelConfig {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String source;
  private final JsonNode json;

  private ModelConfig(String source, JsonNode json) {
    this.source = source;
    this.json = json;
  }

  /**
   * Reads {@code path}.
   *
   * @throws TartanException if it is missing or no JSON object
   */
  public static ModelConfig open(Path path) {
    try {
      return of(path.toString(), Files.readString(path));
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  /**
   * Reads the text of a {@code config.json}.
   *
   * @param source what to call it in messages
   */
  public static ModelConfig of(String source, String text) {
    try {
      JsonNode json = JSON.readTree(text);
      if (json.isObject()) {
        return new ModelConfig(source, json);
      }
    } catch (IOException e) {
      throw new TartanException(source + " is damaged: it is no JSON", e);
    }
    throw new TartanException(source + " is damaged: it is no JSON object");
  }

  String source() {
    return source;
  }

  /** The kind of backbone, such as {@code bert}. */
  String modelType() {
    return json.path("model_type").asText("");
  }

  /** A positive integer that must be there. */
  int integer(String key) {
    int value = json.path(key).asInt(0);
    if (value < 1) {
      throw new TartanException("%s has no positive integer '%s'".formatted(source, key));
    }
    return value;
  }

  double real(String key, double otherwise) {
    return json.path(key).asDouble(otherwise);
  }

  String text(String key, String otherwise) {
    return json.path(key).asText(otherwise);
  }
}
