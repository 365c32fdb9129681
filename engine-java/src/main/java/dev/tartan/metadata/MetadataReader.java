package dev.tartan.metadata;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Value.Text;
import dev.tartan.metadata.Value.Truth;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads the metadata of documents, JSON objects, by a schema that grows: a field that is met first
 * has the type of its value from then on. Objects in objects give fields with dots, {@code
 * author.name}; null and empty lists are as if the field were not there. Confined to one thread.
 */
public final class MetadataReader {
  private static final JsonFactory JSON = new JsonFactory();

  private final SortedMap<String, Schema.Field> fields;

  /** A reader that knows the fields of {@code schema}. */
  public MetadataReader(Schema schema) {
    this.fields = new TreeMap<>(schema.fields());
  }

  /** The fields so far. */
  public Schema schema() {
    return new Schema(fields);
  }

  /** The type of a field that was met or declared. */
  FieldType type(String field) {
    return Objects.requireNonNull(fields.get(field)).type();
  }

  /**
   * The values of one document by field, of lists all of them; each of the type that {@link
   * #schema} then says. A document that is refused leaves the schema as it was.
   *
   * @param document what messages call it: its id
   * @param json an object; blank for none
   * @throws TartanException if it is no JSON object, or a value does not fit its field
   */
  public SortedMap<String, List<Value>> read(String document, String json) {
    if (json.isBlank()) {
      return new TreeMap<>();
    }
    try (JsonParser parser = JSON.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new TartanException(
            "document '%s': its metadata is %s, not a JSON object like {\"year\": 2020}"
                .formatted(document, cut("'" + json.replaceAll("\\p{Cntrl}", " ") + "'")));
      }
      Reading reading = new Reading(document, parser);
      reading.object("");
      if (parser.nextToken() != null) {
        throw new TartanException(
            "document '%s': its metadata goes on after the object".formatted(document));
      }
      fields.putAll(reading.learnt);
      return reading.values;
    } catch (JsonProcessingException e) {
      throw new TartanException(
          "document '%s': its metadata is malformed JSON (column %d): %s"
              .formatted(
                  document,
                  e.getLocation() == null ? 1 : e.getLocation().getColumnNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    } catch (IOException e) {
      throw TartanException.io("cannot read the metadata of document '%s'".formatted(document), e);
    }
  }

  private static String cut(String text) {
    return text.length() > 60 ? text.substring(0, 60) + "..." : text;
  }

  /** One document on its way. */
  private final class Reading {
    final String document;
    final JsonParser parser;
    final SortedMap<String, List<Value>> values = new TreeMap<>();
    final Map<String, Schema.Field> learnt = new TreeMap<>();

    Reading(String document, JsonParser parser) {
      this.document = document;
      this.parser = parser;
    }

    /** The fields of an object, whose names begin with {@code prefix}. */
    void object(String prefix) throws IOException {
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        String field = prefix + name;
        if (field.isBlank()) {
          throw new TartanException(
              "document '%s': a field of its metadata has a blank name".formatted(document));
        }
        parser.nextToken();
        if (isIgnored(field)) {
          parser.skipChildren();
          continue;
        }
        switch (parser.currentToken()) {
          case START_OBJECT -> object(field + ".");
          case START_ARRAY -> list(field);
          case VALUE_NULL -> {}
          default -> add(field, List.of(scalar(field)), false);
        }
      }
    }

    private boolean isIgnored(String field) {
      Schema.Field known = fields.get(field);
      return known != null && known.type() == FieldType.IGNORED;
    }

    private void list(String field) throws IOException {
      List<Value> elements = new ArrayList<>();
      for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
        switch (t) {
          case START_OBJECT, START_ARRAY ->
              throw new TartanException(
                  "document '%s': field '%s' is a list of %s; a list may hold strings or numbers; mend it, or make the index with --field %s=ignored"
                      .formatted(
                          document,
                          field,
                          t == JsonToken.START_OBJECT ? "objects" : "lists",
                          field));
          case VALUE_NULL -> {}
          default -> elements.add(scalar(field));
        }
      }
      if (!elements.isEmpty()) {
        add(field, elements, true);
      }
    }

    private Value scalar(String field) throws IOException {
      Schema.Field known = fields.get(field);
      if (known != null && known.declared() && known.type().isText()) {
        return new Text(parser.getText()); // as it is written
      }
      return switch (parser.currentToken()) {
        case VALUE_STRING -> new Text(parser.getText());
        case VALUE_TRUE -> new Truth(true);
        case VALUE_FALSE -> new Truth(false);
        default -> {
          Value.Numeral number = Value.number(parser.getText());
          if (number == null) {
            throw new TartanException(
                "document '%s', field '%s': %s, or declare --field %s=string"
                    .formatted(document, field, Value.inexact(parser.getText()), field));
          }
          yield number;
        }
      };
    }

    private void add(String field, List<Value> given, boolean inList) {
      Schema.Field known = fields.get(field);
      if (known == null) {
        known = new Schema.Field(FieldType.ofFirst(given.getFirst(), inList), false);
        learnt.put(field, known);
      }
      FieldType type = known.type();
      boolean shape = type.isList() == inList || (type.isList() && known.declared());
      for (Value value : given) {
        if (!shape || !type.takes(value)) {
          throw misfit(field, known, value, inList);
        }
      }
      if (values.put(field, given) != null) {
        throw new TartanException(
            "document '%s' has the field '%s' twice in its metadata".formatted(document, field));
      }
    }

    private TartanException misfit(String field, Schema.Field known, Value value, boolean inList) {
      FieldType type = known.type();
      boolean list = inList && type.isList(); // then an element is at fault
      String remedy =
          known.declared()
              ? "mend it, or make the index with another --field %s=TYPE".formatted(field)
              : "mend it, or make the index with --field %s=%s"
                  .formatted(field, type.isList() || inList ? "strings" : "string");
      return new TartanException(
          "document '%s': field '%s' is %s, but %s is %s%s; %s"
              .formatted(
                  document,
                  field,
                  type.description(),
                  cut(value.toString().replaceAll("\\p{Cntrl}", " ")),
                  inList && !list ? "in a list of " : "",
                  inList && !list ? value.kind().substring(2) + "s" : value.kind(),
                  remedy));
    }
  }
}
