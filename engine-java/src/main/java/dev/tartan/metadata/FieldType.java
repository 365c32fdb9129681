package dev.tartan.metadata;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.tartan.metadata.Value.Numeral;
import dev.tartan.metadata.Value.Text;
import dev.tartan.metadata.Value.Truth;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What the values of a field are. */
public enum FieldType {
  STRING("string", "a string"),
  NUMBER("number", "a number"),
  /** An ISO-8601 date, its first moment in UTC, or date and time, to the microsecond. */
  DATE("date", "a date"),
  BOOLEAN("boolean", "true or false"),
  STRINGS("strings", "a list of strings"),
  NUMBERS("numbers", "a list of numbers"),
  /** Of any kind, stored and not looked at: declared by the user, never by a document. */
  IGNORED("ignored", "ignored");

  private final String label;
  private final String description;

  FieldType(String label, String description) {
    this.label = label;
    this.description = description;
  }

  /** Its name in manifests and on the command line. */
  @JsonValue
  public String label() {
    return label;
  }

  /** With its article: "a list of strings". */
  public String description() {
    return description;
  }

  public boolean isList() {
    return this == STRINGS || this == NUMBERS;
  }

  /** Whether values are strings, and not what a long can stand for. */
  boolean isText() {
    return this == STRING || this == STRINGS;
  }

  /** The type with a label; null if there is none. */
  static @Nullable FieldType of(String label) {
    return Arrays.stream(values()).filter(t -> t.label.equals(label)).findFirst().orElse(null);
  }

  /** "string, number, ...". */
  static String labels() {
    return Arrays.stream(values()).map(FieldType::label).collect(Collectors.joining(", "));
  }

  /** The type that a first value says; a string that reads as a date is one. */
  static FieldType ofFirst(Value value, boolean inList) {
    return switch (value) {
      case Text text when inList -> STRINGS;
      case Text text -> Dates.micros(text.value()) == null ? STRING : DATE;
      case Numeral number -> inList ? NUMBERS : NUMBER;
      case Truth truth -> BOOLEAN;
    };
  }

  /** Whether a value, or an element of a list, can be of this type. */
  boolean takes(Value value) {
    return switch (this) {
      case STRING, STRINGS -> value instanceof Text;
      case NUMBER, NUMBERS -> value instanceof Numeral;
      case BOOLEAN -> value instanceof Truth;
      case DATE -> value instanceof Text text && Dates.micros(text.value()) != null;
      case IGNORED -> false;
    };
  }

  /** A long that orders values of this type as they are ordered, equal where they are. */
  long key(Value value) {
    return switch (value) {
      case Numeral number -> sortable(number.value());
      case Truth truth -> truth.value() ? 1 : 0;
      case Text text -> {
        Long micros = this == DATE ? Dates.micros(text.value()) : null;
        if (micros == null) {
          throw new IllegalArgumentException(text + " has no key in " + this);
        }
        yield micros;
      }
    };
  }

  private static long sortable(double value) {
    long bits = Double.doubleToLongBits(value + 0.0); // no negative zero
    return bits ^ (bits >> 63 & Long.MAX_VALUE);
  }
}
