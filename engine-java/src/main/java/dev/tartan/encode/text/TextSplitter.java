package dev.tartan.encode.text;

import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Cuts long texts into pieces of a limited number of tokens. Sentences are those of {@link
 * java.text.BreakIterator}; a blank line ends one too. Safe for concurrent use.
 */
public final class TextSplitter {
  private final Tokenizer tokenizer;

  public TextSplitter(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Cuts {@code text} into pieces, in order; together they cover it. A piece begins and ends with
   * no white space.
   *
   * @param limit tokens of a piece at most, special ones not counted. More only where the tokens of
   *     one character are
   * @param splitting what pieces are made of and how far they overlap, by at most half of {@code
   *     limit}
   * @param locale of the sentences
   * @return at least one piece, unless the text is blank
   */
  public List<Span> split(String text, int limit, Splitting splitting, Locale locale) {
    List<Span> pieces = new ArrayList<>();
    Tokens tokens = tokenizer.tokenize(text);
    if (tokens.length() <= limit) {
      add(pieces, text, 0, text.length());
      return pieces;
    }
    CutPlaces places = new CutPlaces(text, tokens, locale);
    boolean whole = splitting.unit() == Splitting.Unit.SENTENCES;
    int overlap = Math.min(splitting.overlap(), limit / 2);
    int first = 0;
    int covered = 0;
    while (covered < tokens.length()) {
      int from = first == 0 ? 0 : places.start(first);
      int end = places.end(first, covered, limit, whole);
      // A word that was cut may be other tokens alone, and more of them.
      int room = limit - excess(text, from, to(text, places, end), limit);
      while (room < limit && first + room > covered) {
        end = places.end(first, covered, room, whole);
        int excess = excess(text, from, to(text, places, end), limit);
        if (excess == 0) {
          break;
        }
        room -= excess;
      }
      add(pieces, text, from, to(text, places, end));
      first = end == tokens.length() ? end : places.next(first, end, overlap, limit, whole);
      covered = end;
    }
    return pieces;
  }

  private static int to(String text, CutPlaces places, int end) {
    return end == places.tokens() ? text.length() : places.start(end);
  }

  private int excess(String text, int from, int to, int limit) {
    return Math.max(0, count(text.substring(from, to).strip()) - limit);
  }

  private static void add(List<Span> pieces, String text, int from, int to) {
    int first = from;
    int last = to;
    while (first < last && CutPlaces.isSpace(text.charAt(first))) {
      first++;
    }
    while (last > first && CutPlaces.isSpace(text.charAt(last - 1))) {
      last--;
    }
    // Some tokenizers have a token for white space: a piece may have nothing else that is new.
    if (first < last && (pieces.isEmpty() || last > pieces.getLast().to())) {
      pieces.add(new Span(first, last));
    }
  }

  /** How many tokens {@code text} has, special ones not counted. */
  public int count(String text) {
    return tokenizer.tokenizeOnly(text).length();
  }

  /** {@code text}, or the start of it that has {@code limit} tokens. */
  public String start(String text, int limit) {
    Tokens tokens = tokenizer.tokenize(text);
    return tokens.length() <= limit ? text : text.substring(0, tokens.ends()[limit - 1]);
  }
}
