package dev.tartan.encode.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tokens and their ids, read from {@code tokenizer.json}: the tokenizer library cannot be asked for
 * the id of a token such as [MASK]. Read as a stream, since multilingual files have a quarter of a
 * million entries.
 */
final class Vocabulary {
  private final Map<String, Integer> ids = new HashMap<>(1 << 16);
  private @Nullable String[] tokens = new String[1 << 15];
  private int size;

  private Vocabulary() {}

  static Vocabulary of(String source, byte[] json) {
    Vocabulary vocabulary = new Vocabulary();
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "added_tokens" -> vocabulary.readAdded(parser);
          case "model" -> vocabulary.readModel(parser);
          default -> parser.skipChildren();
        }
      }
    } catch (IOException e) {
      throw new TartanException(source + " is damaged: it is no JSON", e);
    }
    if (vocabulary.size == 0) {
      throw new TartanException(source + " is damaged: it has no vocabulary");
    }
    return vocabulary;
  }

  /** The id of {@code token}, or -1. */
  int id(String token) {
    return ids.getOrDefault(token, -1);
  }

  String token(int id) {
    String token = id < size ? tokens[id] : null;
    return token == null ? "#" + id : token;
  }

  /** One more than the largest id. */
  int size() {
    return size;
  }

  private void readAdded(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.START_OBJECT) {
      String content = "";
      int id = -1;
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        if (field.equals("content")) {
          content = parser.getText();
        } else if (field.equals("id")) {
          id = parser.getIntValue();
        }
      }
      put(content, id);
    }
  }

  private void readModel(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("vocab") && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String token = parser.currentName();
          parser.nextToken();
          put(token, parser.getIntValue());
        }
      } else if (field.equals("vocab") && value == JsonToken.START_ARRAY) {
        // Unigram: pairs of token and score, the id is the place.
        for (int id = 0; parser.nextToken() == JsonToken.START_ARRAY; id++) {
          parser.nextToken();
          put(parser.getText(), id);
          parser.nextToken();
          parser.nextToken();
        }
      } else {
        parser.skipChildren();
      }
    }
  }

  private void put(String token, int id) {
    if (id < 0 || id > 1 << 24) {
      return;
    }
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, 2 * tokens.length));
    }
    ids.put(token, id);
    tokens[id] = token;
    size = Math.max(size, id + 1);
  }
}
