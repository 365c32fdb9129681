package dev.tartan.encode.text;

import java.text.BreakIterator;
import java.util.Locale;

/** Where between its tokens a text may be cut, and what a cut there would part. */
final class CutPlaces {
  /** Two tokens of one character. */
  private static final int NOWHERE = 0;

  private static final int IN_A_WORD = 1;
  private static final int BETWEEN_WORDS = 2;
  private static final int AT_A_SPACE = 3;
  private static final int BETWEEN_SENTENCES = 4;

  private final int[] starts;
  private final byte[] kinds;

  /**
   * Looks through {@code text}.
   *
   * @param tokens its tokens, at least one
   * @param locale of the sentences
   */
  CutPlaces(String text, Tokens tokens, Locale locale) {
    int n = tokens.length();
    this.starts = new int[n];
    this.kinds = new byte[n];
    BreakIterator sentences = BreakIterator.getSentenceInstance(locale);
    sentences.setText(text);
    int sentence = sentences.next();
    for (int i = 0; i < n; i++) {
      starts[i] = wordStart(text, tokens, i);
      if (i == 0) {
        continue;
      }
      while (sentence != BreakIterator.DONE && sentence <= starts[i - 1]) {
        sentence = sentences.next();
      }
      boolean begins = sentence != BreakIterator.DONE && sentence <= starts[i];
      kinds[i] = (byte) kind(text, tokens, i, begins);
    }
  }

  /** Some tokenizers count the space before a word to its first token. */
  private static int wordStart(String text, Tokens tokens, int i) {
    int start = tokens.starts()[i];
    while (start < tokens.ends()[i] && isSpace(text.charAt(start))) {
      start++;
    }
    return start;
  }

  private int kind(String text, Tokens tokens, int i, boolean beginsSentence) {
    int start = starts[i];
    if (start <= starts[i - 1] || start < tokens.ends()[i - 1]) {
      return NOWHERE;
    }
    if (beginsSentence || isAfterBlankLine(text, start)) {
      return BETWEEN_SENTENCES;
    }
    if (isSpace(text.charAt(start - 1))) {
      return AT_A_SPACE;
    }
    return tokens.words()[i] == tokens.words()[i - 1] ? IN_A_WORD : BETWEEN_WORDS;
  }

  /** Headings end without a full stop. */
  private static boolean isAfterBlankLine(String text, int start) {
    int lines = 0;
    for (int i = start - 1; i >= 0 && isSpace(text.charAt(i)); i--) {
      lines += text.charAt(i) == '\n' ? 1 : 0;
    }
    return lines > 1;
  }

  /** All that {@code Document.passage} squeezes. */
  static boolean isSpace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c);
  }

  /** How many tokens there are. */
  int tokens() {
    return starts.length;
  }

  /** Where in the text token {@code i} begins, without the space before it. */
  int start(int i) {
    return starts[i];
  }

  /**
   * Where a piece ends.
   *
   * @param first its first token
   * @param covered tokens that earlier pieces have; the piece ends behind them
   * @param limit tokens that it may have
   * @param whole whether a sentence that fits is never cut, however short the piece gets
   * @return the token after its last one
   */
  int end(int first, int covered, int limit, boolean whole) {
    int last = first + limit;
    if (last >= tokens()) {
      return tokens();
    }
    int half = Math.max(covered, first + limit / 2);
    int end = lastOf(BETWEEN_SENTENCES, whole ? covered : half, last);
    for (int kind = AT_A_SPACE; end < 0 && kind > NOWHERE; kind--) {
      end = lastOf(kind, half, last);
    }
    if (end < 0) {
      end = lastOf(IN_A_WORD, covered, half);
    }
    for (int i = Math.max(last, covered) + 1; end < 0 && i < tokens(); i++) {
      end = kinds[i] == NOWHERE ? -1 : i;
    }
    return end < 0 ? tokens() : end;
  }

  /** The last place in (after, last] of at least a kind; -1 if there is none. */
  private int lastOf(int kind, int after, int last) {
    for (int i = last; i > after; i--) {
      if (kinds[i] >= kind) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Where the piece begins that follows one.
   *
   * @param first token of the piece before
   * @param end of the piece before
   * @param overlap tokens at most to have in common with it, up to half of {@code limit}
   * @param limit tokens that the new piece may have
   * @param whole whether, behind a sentence, the overlap is made of whole sentences and leaves room
   *     for another
   * @return its first token, above {@code first}
   */
  int next(int first, int end, int overlap, int limit, boolean whole) {
    int from = Math.max(first + 1, end - overlap);
    if (whole && kinds[end] == BETWEEN_SENTENCES) {
      int sentence = firstOf(BETWEEN_SENTENCES, end + 1, tokens());
      int room = sentence - end > limit ? from : Math.max(from, sentence - limit);
      return firstOf(BETWEEN_SENTENCES, room, end);
    }
    for (int kind = AT_A_SPACE; kind > NOWHERE; kind--) {
      int start = firstOf(kind, from, end);
      if (start < end) {
        return start;
      }
    }
    return end;
  }

  /** The first place in [from, to) of at least a kind; {@code to} if there is none. */
  private int firstOf(int kind, int from, int to) {
    for (int i = from; i < to; i++) {
      if (kinds[i] >= kind) {
        return i;
      }
    }
    return to;
  }
}
