package dev.tartan.metadata;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/** A value of a field, or what one is compared with. Dates are {@link Text} in ISO-8601. */
public sealed interface Value {
  /** A string, or a date. */
  record Text(String value) implements Value {
    @Override
    public String toString() {
      return "'" + value.replace("'", "''") + "'";
    }
  }

  /** A number; never NaN or infinite. */
  record Numeral(double value) implements Value {
    public Numeral {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException(value + " is not a number to compare with");
      }
      value += 0.0; // one zero
    }

    @Override
    public String toString() {
      return value == Math.rint(value) && Math.abs(value) < 1e18
          ? Long.toString((long) value)
          : Double.toString(value);
    }
  }

  /** True or false. */
  record Truth(boolean value) implements Value {
    @Override
    public String toString() {
      return Boolean.toString(value);
    }
  }

  /**
   * A value of Java.
   *
   * @param value a string, a number, a boolean, a {@link LocalDate}, {@link Instant} or {@link
   *     OffsetDateTime}
   * @throws IllegalArgumentException if it is of another class, or an integer that a double cannot
   *     hold
   */
  static Value of(Object value) {
    return switch (value) {
      case Value already -> already;
      case Boolean truth -> new Truth(truth);
      case Double number -> new Numeral(number);
      case Float number -> new Numeral(number);
      case Number number -> {
        Numeral exact = number(number.toString());
        if (exact == null) {
          throw new IllegalArgumentException(inexact(number.toString()));
        }
        yield exact;
      }
      case String text -> new Text(text);
      case LocalDate date -> new Text(date.toString());
      case Instant instant -> new Text(instant.toString());
      case OffsetDateTime time -> new Text(time.toString());
      default ->
          throw new IllegalArgumentException(
              "a " + value.getClass().getSimpleName() + " is no value of a field");
    };
  }

  /**
   * The number that {@code text} is. Null if a double cannot hold it: an integer with too many
   * digits, which would compare equal to others, or one too large.
   *
   * @throws NumberFormatException if it is none
   */
  static @Nullable Numeral number(String text) {
    double value = Double.parseDouble(text);
    if (Double.isInfinite(value)) {
      return null;
    }
    boolean integer = text.chars().allMatch(c -> (c >= '0' && c <= '9') || c == '-');
    return integer && new BigDecimal(text).compareTo(new BigDecimal(value)) != 0
        ? null
        : new Numeral(value);
  }

  /** Why {@link #number} gives null, and what to do. */
  static String inexact(String number) {
    return "%s has more digits than a number keeps (integers to 2^53 are exact); write it as a string"
        .formatted(number.length() > 40 ? number.substring(0, 40) + "..." : number);
  }

  /** "a string". */
  default String kind() {
    return switch (this) {
      case Text text -> "a string";
      case Numeral number -> "a number";
      case Truth truth -> "a boolean";
    };
  }
}
