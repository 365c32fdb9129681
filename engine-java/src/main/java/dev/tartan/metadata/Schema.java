package dev.tartan.metadata;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.tartan.memory.TartanException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fields that documents have, and their types. Immutable; kept in the manifest.
 *
 * @param fields by name
 */
public record Schema(SortedMap<String, Field> fields) {
  /** Without any field. */
  public static final Schema EMPTY = new Schema(Collections.emptySortedMap());

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public Schema {
    fields = Collections.unmodifiableSortedMap(new TreeMap<>(fields));
  }

  @Override
  @JsonValue
  public SortedMap<String, Field> fields() {
    return fields;
  }

  /**
   * One field.
   *
   * @param declared whether the user said the type, and not the first document that has the field;
   *     then what can be converted to it is
   */
  public record Field(FieldType type, boolean declared) {}

  /**
   * The fields that {@code declarations}, each {@code name=type}, declare.
   *
   * @throws TartanException if one is something else
   */
  public static Schema declared(List<String> declarations) {
    Schema schema = EMPTY;
    for (String declaration : declarations) {
      int equals = declaration.lastIndexOf('=');
      FieldType type = equals < 1 ? null : FieldType.of(declaration.substring(equals + 1).trim());
      if (type == null) {
        throw new TartanException(
            "'%s' declares no field: write NAME=TYPE with a type of %s"
                .formatted(declaration, FieldType.labels()));
      }
      schema =
          schema.declaring(
              new Schema(
                  new TreeMap<>(
                      Map.of(declaration.substring(0, equals).trim(), new Field(type, true)))));
    }
    return schema;
  }

  /**
   * With the fields of {@code more} declared too.
   *
   * @throws TartanException if a field has another type already
   */
  public Schema declaring(Schema more) {
    TreeMap<String, Field> all = new TreeMap<>(fields);
    more.fields.forEach(
        (name, field) -> {
          Field known = all.put(name, field);
          if (known != null && known.type() != field.type()) {
            throw new TartanException(
                "field '%s' is declared as %s and is %s already; make the index anew to change it"
                    .formatted(name, field.type().description(), known.type().description()));
          }
        });
    return new Schema(all);
  }

  /** The type of a field; null if no document has had it and nobody declared it. */
  public @Nullable FieldType type(String field) {
    Field known = fields.get(field);
    return known == null ? null : known.type();
  }

  /**
   * Holds a filter against the fields.
   *
   * @throws TartanException if it asks for a field that there is not, or compares one with a value
   *     of another type
   */
  public void check(Filter filter) {
    switch (filter) {
      case Filter.And and -> and.filters().forEach(this::check);
      case Filter.Or or -> or.filters().forEach(this::check);
      case Filter.Not not -> check(not.filter());
      case Filter.Comparison comparison -> check(comparison.field(), comparison.value());
      case Filter.In in -> in.values().forEach(value -> check(in.field(), value));
      case Filter.Like like -> requireText(like.field(), known(like.field()));
      case Filter.Exists exists -> known(exists.field());
      case Filter.Ids ids -> {}
    }
  }

  private void check(String field, Value value) {
    require(field, known(field), value);
  }

  /** Refuses to look for strings in a field of another type. */
  static void requireText(String field, FieldType type) {
    if (!type.isText()) {
      throw new TartanException(
          "filter: field '%s' is %s; like is for strings".formatted(field, type.description()));
    }
  }

  /** Refuses to compare a field with a value of another type. */
  static void require(String field, FieldType type, Value value) {
    if (!type.takes(value)) {
      throw new TartanException(
          "filter: field '%s' is %s, %s is %s"
              .formatted(
                  field,
                  type.description(),
                  value,
                  type == FieldType.DATE && value instanceof Value.Text
                      ? "no date: write '2020-05-17' or '2020-05-17T10:30:00Z'"
                      : value.kind()));
    }
  }

  private FieldType known(String field) {
    if (!fields.containsKey(field)) {
      throw new TartanException(
          fields.isEmpty()
              ? "filter: there is no field '%s': no document of the index has metadata"
                  .formatted(field)
              : "filter: there is no field '%s'; there are %s"
                  .formatted(field, String.join(", ", fields.keySet())));
    }
    FieldType type = Objects.requireNonNull(type(field));
    if (type == FieldType.IGNORED) {
      throw new TartanException(
          "filter: the field '%s' was declared as ignored; make the index anew to filter by it"
              .formatted(field));
    }
    return type;
  }
}
