package dev.tartan.metadata;

import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The words of a filter's text, with the columns where they begin. */
final class FilterTokens {
  /** What a word is. */
  enum Kind {
    /** A name or a key word. */
    NAME,
    /** A name in double quotes, which is no key word. */
    QUOTED,
    /** A string in single quotes. */
    STRING,
    /** A number or a date, or what begins like one. */
    NUMBER,
    /** An operator, a bracket or a comma. */
    SYMBOL,
    END
  }

  /**
   * One word.
   *
   * @param text without quotes
   * @param column from 1
   */
  record Token(Kind kind, String text, int column) {}

  private static final Pattern SPACE = Pattern.compile("\\s+");
  private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_.-]*");
  private static final Pattern NUMBER = Pattern.compile("[-+]?[.]?[0-9][0-9A-Za-z.:+-]*");
  private static final Pattern SYMBOL = Pattern.compile("<=|>=|!=|<>|==|[=<>(),]");

  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private int next;

  FilterTokens(String text) {
    this.text = text;
    int at = 0;
    while (at < text.length()) {
      Matcher space = SPACE.matcher(text).region(at, text.length());
      at = space.lookingAt() ? space.end() : read(at);
    }
    tokens.add(new Token(Kind.END, "", text.length() + 1));
  }

  /** The next word, which stays the next. */
  Token peek() {
    return tokens.get(next);
  }

  /** The next word; the last one stays. */
  Token take() {
    return next + 1 < tokens.size() ? tokens.get(next++) : tokens.get(next);
  }

  /** Takes the next word if it is this symbol, or this key word in any case. */
  boolean takeIf(String word) {
    boolean is =
        switch (peek().kind()) {
          case NAME -> peek().text().equalsIgnoreCase(word);
          case SYMBOL -> peek().text().equals(word);
          default -> false;
        };
    if (is) {
      next++;
    }
    return is;
  }

  /** Requires {@link #takeIf}. */
  void require(String word) {
    if (!takeIf(word)) {
      throw expected("'" + word + "'", peek());
    }
  }

  /** "filter, column 9: expected a value, found ')': year >= )". */
  TartanException expected(String what, Token found) {
    return wrong(
        "expected %s, found %s"
            .formatted(what, found.kind() == Kind.END ? "the end" : "'" + found.text() + "'"),
        found.column());
  }

  /** A message that points at a column. */
  TartanException wrong(String message, int column) {
    String shown = text.replaceAll("\\p{Cntrl}", " ");
    return new TartanException(
        "filter, column %d: %s: %s"
            .formatted(
                column, message, shown.length() > 200 ? shown.substring(0, 200) + "..." : shown));
  }

  private int read(int at) {
    char first = text.charAt(at);
    if (first == '\'' || first == '"') {
      return quoted(at, first);
    }
    for (Kind kind : List.of(Kind.NAME, Kind.NUMBER, Kind.SYMBOL)) {
      Pattern pattern = kind == Kind.NAME ? NAME : kind == Kind.NUMBER ? NUMBER : SYMBOL;
      Matcher matcher = pattern.matcher(text).region(at, text.length());
      if (matcher.lookingAt()) {
        tokens.add(new Token(kind, matcher.group(), at + 1));
        return matcher.end();
      }
    }
    throw wrong("'%c' has no meaning; strings stand in 'quotes'".formatted(first), at + 1);
  }

  /** Up to the next quote that is not doubled. */
  private int quoted(int at, char quote) {
    StringBuilder inside = new StringBuilder();
    for (int i = at + 1; i < text.length(); i++) {
      if (text.charAt(i) != quote) {
        inside.append(text.charAt(i));
      } else if (i + 1 < text.length() && text.charAt(i + 1) == quote) {
        inside.append(quote);
        i++;
      } else {
        Kind kind = quote == '"' ? Kind.QUOTED : Kind.STRING;
        tokens.add(new Token(kind, inside.toString(), at + 1));
        return i + 1;
      }
    }
    throw wrong("the quote %c is not closed".formatted(quote), at + 1);
  }
}
