package dev.tartan.encode.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

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

  /** The language that texts are taken to be in by default (X-MOD); empty for none. */
  public String defaultLanguage() {
    return json.path("default_language").isTextual() ? json.path("default_language").asText() : "";
  }

  /** A positive integer that must be there. */
  int integer(String key) {
    int value = json.path(key).asInt(0);
    if (value < 1) {
      throw new TartanException("%s has no positive integer '%s'".formatted(source, key));
    }
    return value;
  }

  /** An integer from 0 on. */
  int integer(String key, int otherwise) {
    int value = json.path(key).asInt(otherwise);
    if (value < 0) {
      throw new TartanException("%s: '%s' is %d".formatted(source, key, value));
    }
    return value;
  }

  double real(String key, double otherwise) {
    return json.path(key).asDouble(otherwise);
  }

  /** What training leaves out, by the keys of BERT or of DistilBERT; ModernBERT leaves out none. */
  Dropout dropout() {
    if (modelType().equals("modernbert")) {
      return Dropout.NONE;
    }
    return new Dropout(
        real("hidden_dropout_prob", real("dropout", 0.1)),
        real("attention_probs_dropout_prob", real("attention_dropout", 0.1)));
  }

  boolean bool(String key, boolean otherwise) {
    return json.path(key).asBoolean(otherwise);
  }

  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    json.path(key).forEach(text -> texts.add(text.asText()));
    return texts;
  }

  Activation activation(String key, String otherwise) {
    return Activation.of(source, json.path(key).asText(otherwise));
  }

  /** What else the file holds; a missing node where it lacks {@code key}. */
  JsonNode node(String key) {
    return json.path(key);
  }

  /**
   * How many layers to run, by the keys that the architecture has for them.
   *
   * @param wanted from the first; 0 for all
   * @throws TartanException if there are fewer, or if the heads do not divide the hidden size
   */
  int layers(String layersKey, String hiddenKey, String headsKey, int wanted) {
    int all = integer(layersKey);
    int hidden = integer(hiddenKey);
    int heads = integer(headsKey);
    if (wanted < 0 || wanted > all || hidden % heads != 0) {
      throw new TartanException(
          "%s: layer %d of %d with %d heads over %d values makes no sense"
              .formatted(source, wanted, all, heads, hidden));
    }
    return wanted == 0 ? all : wanted;
  }
}
