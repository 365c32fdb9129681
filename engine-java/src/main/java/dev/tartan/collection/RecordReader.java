package dev.tartan.collection;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Turns lines into records of id, title and text; collections and queries share it. */
final class RecordReader {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Lines.MAX_LINE).build())
          .build();
  private static final String ONE_OBJECT =
      "one line must hold one object like {\"_id\": \"d1\", \"text\": \"...\"}";

  private final Lines lines;
  private final TextFormat format;
  private final int maxColumns;

  /**
   * @param maxColumns of TSV: 3 where a title may follow the text, else 2
   */
  RecordReader(Lines lines, int maxColumns) {
    this.lines = lines;
    this.format = TextFormat.of(lines);
    this.maxColumns = maxColumns;
  }

  /** The record of the next line that is not blank; null after the last one. */
  @Nullable Document next() {
    String line = lines.nextFilled();
    if (line != null && format == TextFormat.TSV && lines.number() == 1 && isHeader(line)) {
      line = lines.nextFilled();
    }
    if (line == null) {
      return null;
    }
    Document record = format == TextFormat.JSONL ? fromJson(line) : fromColumns(line);
    if (record.id().isBlank()) {
      throw lines.bad("the id is blank; every record needs an id of its own");
    }
    return record;
  }

  private static boolean isHeader(String line) {
    return line.equals("id\ttext") || line.equals("id\ttext\ttitle");
  }

  private Document fromColumns(String line) {
    String[] columns = line.split("\t", -1);
    if (columns.length < 2) {
      throw lines.bad("has no tab: " + Lines.quoted(line) + "; write " + columnsWanted());
    }
    if (columns.length > maxColumns) {
      throw lines.bad("has " + columns.length + " columns; write " + columnsWanted());
    }
    return new Document(columns[0], columns.length > 2 ? columns[2] : "", columns[1]);
  }

  private String columnsWanted() {
    return maxColumns > 2 ? "id<TAB>text or id<TAB>text<TAB>title" : "id<TAB>text";
  }

  private Document fromJson(String line) {
    try (JsonParser json = JSON.createParser(line)) {
      JsonToken start = json.nextToken();
      if (start == JsonToken.START_ARRAY) {
        throw lines.bad("is a JSON array; " + ONE_OBJECT);
      }
      if (start != JsonToken.START_OBJECT) {
        throw lines.bad("is not a JSON object: " + Lines.quoted(line) + "; " + ONE_OBJECT);
      }
      Document record = fromObject(json, line);
      if (json.nextToken() != null) {
        throw lines.bad("goes on after its object; " + ONE_OBJECT);
      }
      return record;
    } catch (JsonProcessingException e) {
      throw malformed(e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + lines.path(), e);
    }
  }

  private TartanException malformed(JsonProcessingException e) {
    // Jackson adds where in its own terms; the line is ours to tell.
    String reason = e.getOriginalMessage().lines().findFirst().orElse("").trim();
    int detail = reason.indexOf(" (start marker");
    String column =
        e.getLocation() == null ? "" : " (column " + e.getLocation().getColumnNr() + ")";
    return lines.bad(
        "malformed JSON%s: %s; %s"
            .formatted(column, detail < 0 ? reason : reason.substring(0, detail), ONE_OBJECT));
  }

  private Document fromObject(JsonParser json, String line) throws IOException {
    String underscoreId = null;
    String plainId = null;
    String title = null;
    String text = null;
    String language = "";
    String metadata = "";
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      JsonToken value = json.nextToken();
      switch (name) {
        case "_id" -> underscoreId = string(json, name, value, true);
        case "id" -> plainId = string(json, name, value, true);
        case "title" -> title = string(json, name, value, false);
        case "text" -> text = string(json, name, value, false);
        case "language" -> {
          // of what other kind it may be in collections, only a name is of use
          language = value == JsonToken.VALUE_STRING ? json.getText() : "";
          json.skipChildren();
        }
        case "metadata" ->
            metadata = blank(json, value) ? "" : raw(json, value, line); // who indexes it looks
        default -> json.skipChildren();
      }
    }
    String id = underscoreId == null ? plainId : underscoreId;
    if (id == null) {
      throw lines.bad("has neither \"_id\" nor \"id\"; " + ONE_OBJECT);
    }
    if (text == null) {
      throw lines.bad("record " + Lines.quoted(id) + " has no \"text\"; " + ONE_OBJECT);
    }
    return new Document(id, title == null ? "" : title, text, language, metadata);
  }

  /** An empty string stands for no metadata, as for no title. */
  private static boolean blank(JsonParser json, JsonToken value) throws IOException {
    return value == JsonToken.VALUE_STRING && json.getText().isBlank();
  }

  /** The characters of a value as they stand; none if it is null or an empty object. */
  private static String raw(JsonParser json, JsonToken value, String line) throws IOException {
    if (value == JsonToken.VALUE_NULL) {
      return "";
    }
    int start = (int) json.currentTokenLocation().getCharOffset();
    int depth = value.isStructStart() ? 1 : 0;
    int inside = 0;
    for (; depth > 0; inside++) {
      JsonToken token = json.nextToken();
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
    }
    json.finishToken();
    boolean empty = value == JsonToken.START_OBJECT && inside == 1;
    return empty ? "" : line.substring(start, (int) json.currentLocation().getCharOffset());
  }

  private @Nullable String string(JsonParser json, String name, JsonToken value, boolean numbers)
      throws IOException {
    if (value == JsonToken.VALUE_NULL) {
      return null;
    }
    if (value == JsonToken.VALUE_STRING || (numbers && value.isNumeric())) {
      // The characters of the file: a number that a double cannot hold stays as it is.
      return json.getText();
    }
    throw lines.bad(
        "\"%s\" is %s; it must be a string%s"
            .formatted(name, Lines.quoted(json.getText()), numbers ? " or a number" : ""));
  }
}
