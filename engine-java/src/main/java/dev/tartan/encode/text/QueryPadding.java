package dev.tartan.encode.text;

/** What a query shorter than its maximal length is filled with. */
public enum QueryPadding {
  /** Nothing: as many rows as the query has tokens. */
  NONE,
  /** [MASK] tokens that no token attends to, but that give rows of their own (ColBERT). */
  MASK,
  /** [MASK] tokens that every token attends to. */
  ATTENDED_MASK;

  static QueryPadding of(boolean pads, boolean attends) {
    return !pads ? NONE : attends ? ATTENDED_MASK : MASK;
  }
}
