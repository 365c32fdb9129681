package dev.tartan.metadata;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Filter.Operator;
import dev.tartan.metadata.Value.Numeral;
import dev.tartan.metadata.Value.Text;
import dev.tartan.metadata.Value.Truth;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The JSON form of filters. */
final class FilterJson {
  private static final JsonFactory JSON = new JsonFactory();
  private static final String WANTED =
      "\"and\", \"or\", \"not\", \"exists\", \"ids\", or \"field\" with one of = != < <= > >= in like";

  private final JsonParser parser;
  private int depth;

  private FilterJson(JsonParser parser) {
    this.parser = parser;
  }

  static Filter parse(String json) {
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      FilterJson reader = new FilterJson(parser);
      Filter filter = reader.filter();
      if (parser.nextToken() != null) {
        throw reader.expected("the end");
      }
      return filter;
    } catch (JsonProcessingException e) {
      throw new TartanException(
          "filter, column %d: malformed JSON: %s"
              .formatted(
                  e.getLocation() == null ? 1 : e.getLocation().getColumnNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    } catch (IOException e) {
      throw TartanException.io("cannot read the filter", e);
    }
  }

  /** At the start of an object; ends at its end. */
  private Filter filter() throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw expected("an object with " + WANTED);
    }
    if (++depth > FilterText.MAX_DEPTH) {
      throw wrong("more than %d filters in each other".formatted(FilterText.MAX_DEPTH));
    }
    String field = null;
    List<Function<String, Filter>> conditions = new ArrayList<>(); // on a field still to be told
    List<Filter> filters = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      if (name.equals("field")) {
        parser.nextToken();
        field = string("the name of a field");
        continue;
      }
      Function<String, Filter> condition = condition(name);
      if (condition == null) {
        filters.add(whole(name));
      } else {
        conditions.add(condition);
      }
    }
    if (field == null
        ? filters.size() != 1 || !conditions.isEmpty()
        : !filters.isEmpty() || conditions.isEmpty()) {
      throw wrong("an object needs one of " + WANTED);
    }
    depth--;
    for (Function<String, Filter> condition : conditions) {
      filters.add(condition.apply(String.valueOf(field)));
    }
    return filters.size() == 1 ? filters.getFirst() : new Filter.And(filters);
  }

  /** A filter that names no field, or one in its value. */
  private Filter whole(String name) throws IOException {
    JsonParser at = parser;
    switch (name) {
      case "and", "or" -> {
        at.nextToken();
        List<Filter> filters = list("a list of filters", this::filter);
        if (filters.isEmpty()) {
          throw wrong("\"%s\" needs a filter".formatted(name));
        }
        return filters.size() == 1
            ? filters.getFirst()
            : name.equals("and") ? new Filter.And(filters) : new Filter.Or(filters);
      }
      case "not" -> {
        at.nextToken();
        return new Filter.Not(filter());
      }
      case "exists" -> {
        at.nextToken();
        return new Filter.Exists(string("the name of a field"));
      }
      case "ids" -> {
        at.nextToken();
        return new Filter.Ids(list("a list of ids", () -> string("an id")));
      }
      default -> throw wrong("expected %s, found '%s'".formatted(WANTED, name));
    }
  }

  /** What {@code name} says of a field; null if it says nothing of one. */
  private @Nullable Function<String, Filter> condition(String name) throws IOException {
    if (name.equals("in")) {
      parser.nextToken();
      List<Value> values = list("a list of values", this::value);
      if (values.isEmpty()) {
        throw wrong("\"in\" needs a value");
      }
      return field -> new Filter.In(field, values);
    }
    if (name.equals("like")) {
      parser.nextToken();
      String pattern = string("a pattern");
      return field -> new Filter.Like(field, pattern);
    }
    for (Operator operator : Operator.values()) {
      if (operator.symbol().equals(name)) {
        parser.nextToken();
        Value value = value();
        return field -> new Filter.Comparison(field, operator, value);
      }
    }
    return null;
  }

  private interface Element<T> {
    T read() throws IOException;
  }

  private <T> List<T> list(String what, Element<T> element) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw expected(what);
    }
    List<T> elements = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      elements.add(element.read());
    }
    return elements;
  }

  private String string(String what) throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw expected(what + ", a string");
    }
    return parser.getText();
  }

  private Value value() throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_STRING -> new Text(parser.getText());
      case VALUE_TRUE -> new Truth(true);
      case VALUE_FALSE -> new Truth(false);
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
        Numeral number = Value.number(parser.getText());
        if (number == null) {
          throw wrong(Value.inexact(parser.getText()));
        }
        yield number;
      }
      default -> throw expected("a string, a number, true or false");
    };
  }

  private TartanException expected(String what) throws IOException {
    return wrong(
        "expected %s, found %s"
            .formatted(
                what, parser.currentToken() == null ? "the end" : "'" + parser.getText() + "'"));
  }

  private TartanException wrong(String message) {
    int line = parser.currentTokenLocation().getLineNr();
    return new TartanException(
        "filter, %scolumn %d: %s"
            .formatted(
                line > 1 ? "line " + line + ", " : "",
                Math.max(1, parser.currentTokenLocation().getColumnNr()),
                message));
  }

  static String print(Filter filter) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      print(filter, json);
    } catch (IOException e) {
      throw new IllegalStateException(e); // a string has room
    }
    return text.toString();
  }

  private static void print(Filter filter, JsonGenerator json) throws IOException {
    json.writeStartObject();
    switch (filter) {
      case Filter.And and -> print("and", and.filters(), json);
      case Filter.Or or -> print("or", or.filters(), json);
      case Filter.Not not -> {
        json.writeFieldName("not");
        print(not.filter(), json);
      }
      case Filter.Comparison c -> {
        json.writeStringField("field", c.field());
        json.writeFieldName(c.operator().symbol());
        print(c.value(), json);
      }
      case Filter.In in -> {
        json.writeStringField("field", in.field());
        json.writeArrayFieldStart("in");
        for (Value value : in.values()) {
          print(value, json);
        }
        json.writeEndArray();
      }
      case Filter.Like like -> {
        json.writeStringField("field", like.field());
        json.writeStringField("like", like.pattern());
      }
      case Filter.Exists exists -> json.writeStringField("exists", exists.field());
      case Filter.Ids ids -> {
        json.writeArrayFieldStart("ids");
        for (String id : ids.ids()) {
          json.writeString(id);
        }
        json.writeEndArray();
      }
    }
    json.writeEndObject();
  }

  private static void print(String name, List<Filter> filters, JsonGenerator json)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (Filter filter : filters) {
      print(filter, json);
    }
    json.writeEndArray();
  }

  private static void print(Value value, JsonGenerator json) throws IOException {
    switch (value) {
      case Text text -> json.writeString(text.value());
      case Truth truth -> json.writeBoolean(truth.value());
      case Numeral number -> json.writeNumber(number.toString());
    }
  }
}
