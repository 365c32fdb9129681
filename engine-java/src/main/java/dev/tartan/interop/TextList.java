package dev.tartan.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A JSON list of texts, streamed: entries are asked for in ascending order. */
final class TextList implements AutoCloseable {
  private static final JsonFactory FACTORY = new JsonFactory();

  private final Path file;
  private final int size;
  private final JsonParser parser;
  private int next;

  /**
   * Counts the texts of {@code file}.
   *
   * @throws TartanException if it is no list of texts
   */
  TextList(Path file) {
    this.file = file;
    try (JsonParser counter = open()) {
      int n = 0;
      while (text(counter, n) != null) {
        n++;
      }
      if (counter.nextToken() != null) {
        throw ForeignFiles.bad(file, "goes on after its list");
      }
      this.size = n;
    } catch (IOException e) {
      throw failure(e);
    }
    this.parser = open();
  }

  private JsonParser open() {
    try {
      JsonParser opened = FACTORY.createParser(file.toFile());
      try {
        if (opened.nextToken() != JsonToken.START_ARRAY) {
          throw ForeignFiles.bad(file, "holds no list of texts");
        }
        return opened;
      } catch (IOException | RuntimeException e) {
        opened.close();
        throw e;
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private @Nullable String text(JsonParser from, int entry) throws IOException {
    JsonToken token = from.nextToken();
    if (token == JsonToken.END_ARRAY) {
      return null;
    }
    if (token != JsonToken.VALUE_STRING) {
      throw ForeignFiles.bad(file, "entry %d is no text".formatted(entry));
    }
    return from.getText();
  }

  int size() {
    return size;
  }

  /** Entry {@code index}, which no entry after it was asked for before. */
  String get(int index) {
    try {
      String text = null;
      for (; next <= index; next++) {
        text = text(parser, next);
      }
      if (text == null) {
        throw new IllegalStateException("texts are asked for in their order");
      }
      return text;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private TartanException failure(IOException e) {
    return e instanceof JsonProcessingException json
        ? ForeignFiles.bad(file, "is no JSON list of texts: " + json.getOriginalMessage())
        : TartanException.io("cannot read " + file, e);
  }

  @Override
  public void close() {
    try {
      parser.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }
}
