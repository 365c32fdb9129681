package dev.tartan.collection;

/**
 * A part of a document's text: its {@code char}s {@code [from, to)}, as {@link String#substring}
 * counts them.
 *
 * @param from 0 or more
 * @param to {@code from} or more
 */
public record Span(int from, int to) {
  public Span {
    if (from < 0 || to < from) {
      throw new IllegalArgumentException("no span: %d to %d".formatted(from, to));
    }
  }

  /** The part of {@code text}. */
  public String of(String text) {
    return text.substring(from, to);
  }
}
