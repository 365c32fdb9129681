package dev.tartan.metadata;

import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which documents a search may find. Immutable; equal filters are the same tree. Made in Java
 * ({@link #field}), of text ({@link #parse}) or of JSON ({@link #parseJson}):
 *
 * <pre>{@code
 * Filter.field("year").atLeast(2020).and(Filter.field("tag").in("a", "b"))
 * }</pre>
 *
 * <p>As in SQL, a comparison with a field that a document does not have is neither true nor false,
 * {@link Not} does not make it true, and what is not true is not found. A list compares as any of
 * its elements does; {@link Operator#NE} and {@link Not} ask that none does.
 */
public sealed interface Filter {
  /** All of them, at least two. */
  record And(List<Filter> filters) implements Filter {
    public And {
      filters = several(filters, "and");
    }

    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** At least one of them, of at least two. */
  record Or(List<Filter> filters) implements Filter {
    public Or {
      filters = several(filters, "or");
    }

    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** Where the filter is false; not where it is neither true nor false. */
  record Not(Filter filter) implements Filter {
    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** A field compared with a value; strings by their code points. */
  record Comparison(String field, Operator operator, Value value) implements Filter {
    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** A field equals one of at least one value. */
  record In(String field, List<Value> values) implements Filter {
    public In {
      values = List.copyOf(values);
      if (values.isEmpty()) {
        throw new TartanException("filter: 'in' of field '%s' needs a value".formatted(field));
      }
    }

    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /**
   * A string matches a pattern: {@code %} stands for any characters, {@code _} for one, after
   * {@code \} a character for itself. Case counts.
   */
  record Like(String field, String pattern) implements Filter {
    public Like {
      LikePattern.of(pattern);
    }

    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** A document has the field. */
  record Exists(String field) implements Filter {
    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** A document has one of these external ids; those that none has do no harm. */
  record Ids(List<String> ids) implements Filter {
    public Ids {
      ids = List.copyOf(ids);
    }

    @Override
    public String toString() {
      return FilterText.print(this);
    }
  }

  /** How a field is compared with a value. */
  enum Operator {
    EQ("="),
    NE("!="),
    LT("<"),
    LE("<="),
    GT(">"),
    GE(">=");

    private final String symbol;

    Operator(String symbol) {
      this.symbol = symbol;
    }

    public String symbol() {
      return symbol;
    }
  }

  /** Names a field, to say what it is to be. */
  static FieldCondition field(String name) {
    return new FieldCondition(name);
  }

  /** Documents with one of these external ids. */
  static Filter ids(String... ids) {
    return new Ids(Arrays.asList(ids));
  }

  /** Documents with one of these external ids. */
  static Filter ids(List<String> ids) {
    return new Ids(ids);
  }

  /** Where {@code filter} is false. */
  static Filter not(Filter filter) {
    return new Not(filter);
  }

  /** Where this and {@code other} are true. */
  default Filter and(Filter other) {
    return new And(joined(this instanceof And and ? and.filters : List.of(this), other));
  }

  /** Where this or {@code other} is true. */
  default Filter or(Filter other) {
    return new Or(joined(this instanceof Or or ? or.filters : List.of(this), other));
  }

  /**
   * The filter that a text says: {@code year >= 2020 and (tag in ('a', 'b') or not
   * exists(author))}. {@link Object#toString} gives it back.
   *
   * @throws TartanException where it is wrong, with the column and what was expected
   */
  static Filter parse(String text) {
    return new FilterText(text).parse();
  }

  /**
   * The filter that a JSON text says: {@code {"and": [{"field": "year", ">=": 2020}, ...]}}.
   *
   * @throws TartanException where it is wrong, with the column and what was expected
   */
  static Filter parseJson(String json) {
    return FilterJson.parse(json);
  }

  /** What {@link #parseJson} reads as this filter. */
  default String toJson() {
    return FilterJson.print(this);
  }

  private static List<Filter> joined(List<Filter> filters, Filter more) {
    List<Filter> all = new ArrayList<>(filters);
    all.add(more);
    return all;
  }

  private static List<Filter> several(List<Filter> filters, String what) {
    if (filters.size() < 2) {
      throw new IllegalArgumentException("'" + what + "' needs at least two filters");
    }
    return List.copyOf(filters);
  }
}
