package dev.tartan.encode.text;

import java.util.ArrayList;
import java.util.List;

/** Cuts long texts into pieces of a limited number of tokens. Safe for concurrent use. */
public final class TextSplitter {
  private static final String SENTENCE_ENDS = ".!?\u3002\uff01\uff1f\u2026";

  private final Tokenizer tokenizer;

  public TextSplitter(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Cuts {@code text} into pieces of at most {@code limit} tokens, special tokens not counted. A
   * piece ends at the last end of a sentence in its second half, else between two words, else (a
   * word longer than the limit) between two tokens. In order the pieces cover the text; white space
   * at a cut is dropped.
   *
   * @return at least one piece, unless the text is blank
   */
  public List<String> split(String text, int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit is " + limit);
    }
    Tokens tokens = tokenizer.tokenize(text);
    List<String> pieces = new ArrayList<>();
    int from = 0;
    for (int first = 0; first < tokens.length(); ) {
      int next =
          first + limit >= tokens.length() ? tokens.length() : cut(text, tokens, first, limit);
      int to = next == tokens.length() ? text.length() : tokens.starts()[next];
      add(pieces, text.substring(from, to));
      from = to;
      first = next;
    }
    if (tokens.length() == 0) {
      add(pieces, text);
    }
    return pieces;
  }

  private static void add(List<String> pieces, String piece) {
    if (!piece.isBlank()) {
      pieces.add(piece.strip());
    }
  }

  /** The first token of the next piece, in (first, first + limit]. */
  private static int cut(String text, Tokens tokens, int first, int limit) {
    int last = first + limit;
    for (int i = last; i > first + limit / 2; i--) {
      if (endsSentence(text, tokens.ends()[i - 1], tokens.starts()[i])) {
        return i;
      }
    }
    for (int i = last; i > first; i--) {
      if (hasSpace(text, tokens.ends()[i - 1], tokens.starts()[i])) {
        return i;
      }
    }
    for (int i = last; i > first; i--) {
      if (tokens.words()[i] != tokens.words()[i - 1]) {
        return i;
      }
    }
    return last;
  }

  private static boolean hasSpace(String text, int end, int start) {
    for (int i = end; i < start; i++) {
      if (Character.isWhitespace(text.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  private static boolean endsSentence(String text, int end, int start) {
    if (end < 1) {
      return false;
    }
    if (text.substring(end, Math.max(end, start)).indexOf('\n') >= 0) {
      return true;
    }
    char mark = text.charAt(end - 1);
    // Ideographic full stops need no space behind them; "3.14" and "e.g.x" do not end sentences.
    return SENTENCE_ENDS.indexOf(mark) >= 0 && (mark > '\u2fff' || hasSpace(text, end, start));
  }
}
