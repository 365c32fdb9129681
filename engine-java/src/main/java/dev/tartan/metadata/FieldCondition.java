package dev.tartan.metadata;

import dev.tartan.metadata.Filter.Operator;
import java.util.Arrays;

/**
 * A field of which {@link Filter#field} is about to say something. Values are strings, numbers,
 * booleans, or dates: {@link java.time.LocalDate}, {@link java.time.Instant}, or a string in
 * ISO-8601. A value that no field can have throws {@link IllegalArgumentException}.
 */
public final class FieldCondition {
  private final String field;

  FieldCondition(String field) {
    this.field = field;
  }

  public Filter is(Object value) {
    return compare(Operator.EQ, value);
  }

  public Filter isNot(Object value) {
    return compare(Operator.NE, value);
  }

  public Filter below(Object value) {
    return compare(Operator.LT, value);
  }

  public Filter atMost(Object value) {
    return compare(Operator.LE, value);
  }

  public Filter above(Object value) {
    return compare(Operator.GT, value);
  }

  public Filter atLeast(Object value) {
    return compare(Operator.GE, value);
  }

  /** Whether it equals one of {@code values}. */
  public Filter in(Object... values) {
    return new Filter.In(field, Arrays.stream(values).map(Value::of).toList());
  }

  /** Whether it matches a {@linkplain Filter.Like pattern}. */
  public Filter like(String pattern) {
    return new Filter.Like(field, pattern);
  }

  /** Whether a document has it. */
  public Filter exists() {
    return new Filter.Exists(field);
  }

  private Filter compare(Operator operator, Object value) {
    return new Filter.Comparison(field, operator, Value.of(value));
  }
}
