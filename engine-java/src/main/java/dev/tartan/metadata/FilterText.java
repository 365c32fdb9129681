package dev.tartan.metadata;

import dev.tartan.metadata.Filter.Operator;
import dev.tartan.metadata.FilterTokens.Kind;
import dev.tartan.metadata.FilterTokens.Token;
import dev.tartan.metadata.Value.Text;
import dev.tartan.metadata.Value.Truth;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The text form of filters: a parser by recursive descent, and what prints its trees. */
final class FilterText {
  /** Brackets and nots in each other: deeper than anyone writes, and no stack overflows. */
  static final int MAX_DEPTH = 200;

  private static final Set<String> KEY_WORDS =
      Set.of("and", "or", "not", "in", "like", "is", "null", "exists", "ids", "true", "false");
  private static final Pattern PLAIN_NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_.-]*");
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?");

  private final FilterTokens tokens;
  private int depth;

  FilterText(String text) {
    this.tokens = new FilterTokens(text);
  }

  Filter parse() {
    Filter filter = or();
    if (tokens.peek().kind() != Kind.END) {
      throw tokens.expected("'and', 'or' or the end", tokens.peek());
    }
    return filter;
  }

  private Filter or() {
    List<Filter> filters = chain("or", this::and);
    return filters.size() == 1 ? filters.getFirst() : new Filter.Or(filters);
  }

  private Filter and() {
    List<Filter> filters = chain("and", this::condition);
    return filters.size() == 1 ? filters.getFirst() : new Filter.And(filters);
  }

  private List<Filter> chain(String word, Supplier<Filter> part) {
    List<Filter> filters = new ArrayList<>();
    do {
      filters.add(part.get());
    } while (tokens.takeIf(word));
    return filters;
  }

  private Filter condition() {
    Token first = tokens.peek();
    if (++depth > MAX_DEPTH) {
      throw tokens.wrong(
          "more than %d brackets and nots in each other".formatted(MAX_DEPTH), first.column());
    }
    Filter filter;
    if (tokens.takeIf("not")) {
      filter = new Filter.Not(condition());
    } else if (tokens.takeIf("(")) {
      filter = or();
      tokens.require(")");
    } else if (tokens.takeIf("exists")) {
      tokens.require("(");
      filter = new Filter.Exists(field());
      tokens.require(")");
    } else if (tokens.takeIf("ids")) {
      filter = new Filter.Ids(list(true, this::string));
    } else {
      filter = ofField(field());
    }
    depth--;
    return filter;
  }

  private Filter ofField(String field) {
    if (tokens.takeIf("is")) {
      boolean not = tokens.takeIf("not");
      tokens.require("null");
      Filter exists = new Filter.Exists(field);
      return not ? exists : new Filter.Not(exists);
    }
    boolean not = tokens.takeIf("not");
    Token found = tokens.peek();
    if (tokens.takeIf("in")) {
      Filter in = new Filter.In(field, list(false, this::value));
      return not ? new Filter.Not(in) : in;
    }
    if (tokens.takeIf("like")) {
      Token pattern = tokens.peek();
      String text = string();
      if (LikePattern.endsOpen(text)) {
        throw tokens.wrong(LikePattern.ENDS_OPEN, pattern.column());
      }
      Filter like = new Filter.Like(field, text);
      return not ? new Filter.Not(like) : like;
    }
    if (not) {
      throw tokens.expected("'in' or 'like'", found);
    }
    return new Filter.Comparison(field, operator(), value());
  }

  private Operator operator() {
    Token token = tokens.take();
    if (token.kind() == Kind.SYMBOL) {
      String symbol = token.text().equals("<>") ? "!=" : token.text().replace("==", "=");
      for (Operator operator : Operator.values()) {
        if (operator.symbol().equals(symbol)) {
          return operator;
        }
      }
    }
    throw tokens.expected("one of = != < <= > >= in like is", token);
  }

  private String field() {
    Token token = tokens.take();
    boolean keyWord = KEY_WORDS.contains(token.text().toLowerCase(Locale.ROOT));
    if (token.kind() == Kind.QUOTED || (token.kind() == Kind.NAME && !keyWord)) {
      return token.text();
    }
    throw tokens.expected(
        token.kind() == Kind.NAME
            ? "a field (in \"double quotes\" if it has that name)"
            : "a field",
        token);
  }

  private <T> List<T> list(boolean emptyToo, Supplier<T> element) {
    tokens.require("(");
    List<T> elements = new ArrayList<>();
    if (emptyToo && tokens.takeIf(")")) {
      return elements;
    }
    do {
      elements.add(element.get());
    } while (tokens.takeIf(","));
    if (!tokens.takeIf(")")) {
      throw tokens.expected("',' or ')'", tokens.peek());
    }
    return elements;
  }

  private String string() {
    Token token = tokens.take();
    if (token.kind() != Kind.STRING) {
      throw tokens.expected("a string in 'quotes'", token);
    }
    return token.text();
  }

  private Value value() {
    if (tokens.takeIf("true")) {
      return new Truth(true);
    }
    if (tokens.takeIf("false")) {
      return new Truth(false);
    }
    Token token = tokens.take();
    if (token.kind() == Kind.STRING) {
      return new Text(token.text());
    }
    if (token.kind() == Kind.NUMBER && Dates.micros(token.text()) != null) {
      return new Text(token.text());
    }
    if (token.kind() != Kind.NUMBER || !NUMBER.matcher(token.text()).matches()) {
      throw tokens.expected("a 'string', a number, a date, true or false", token);
    }
    Value.Numeral number = Value.number(token.text());
    if (number == null) {
      throw tokens.wrong(Value.inexact(token.text()), token.column());
    }
    return number;
  }

  /** The text that is parsed as {@code filter}. */
  static String print(Filter filter) {
    return switch (filter) {
      case Filter.And and -> joined(and.filters(), " and ");
      case Filter.Or or -> joined(or.filters(), " or ");
      case Filter.Not not -> "not " + inBrackets(not.filter());
      case Filter.Comparison c ->
          "%s %s %s".formatted(name(c.field()), c.operator().symbol(), c.value());
      case Filter.In in ->
          "%s in (%s)"
              .formatted(
                  name(in.field()),
                  in.values().stream().map(Value::toString).collect(Collectors.joining(", ")));
      case Filter.Like like -> "%s like %s".formatted(name(like.field()), new Text(like.pattern()));
      case Filter.Exists exists -> "exists(%s)".formatted(name(exists.field()));
      case Filter.Ids ids ->
          "ids(%s)"
              .formatted(
                  ids.ids().stream()
                      .map(id -> new Text(id).toString())
                      .collect(Collectors.joining(", ")));
    };
  }

  private static String joined(List<Filter> filters, String word) {
    return filters.stream().map(FilterText::inBrackets).collect(Collectors.joining(word));
  }

  private static String inBrackets(Filter filter) {
    boolean several = filter instanceof Filter.And || filter instanceof Filter.Or;
    return several ? "(" + print(filter) + ")" : print(filter);
  }

  private static String name(String field) {
    boolean plain =
        PLAIN_NAME.matcher(field).matches() && !KEY_WORDS.contains(field.toLowerCase(Locale.ROOT));
    return plain ? field : "\"" + field.replace("\"", "\"\"") + "\"";
  }
}
