package dev.tartan.encode.text;

import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Builds what a ColBERT model reads: special tokens, the marker behind the first of them, the text
 * cut to the maximal length, and for queries [MASK] tokens up to that length. Safe for concurrent
 * use.
 */
public final class ColbertInputs {
  private final Tokenizer tokenizer;
  private final ColbertConfig config;
  private final Prepared query;
  private final Prepared passage;
  private final int mask;

  /**
   * A side with its tokens looked up.
   *
   * @param front ids before a text, the marker included
   * @param names a printable name for each
   * @param skipped ids of words that give no rows
   */
  private record Prepared(ColbertConfig.Side side, int[] front, String[] names, BitSet skipped) {}

  /**
   * @throws TartanException if the configuration needs a token that the vocabulary lacks
   */
  public ColbertInputs(Tokenizer tokenizer, ColbertConfig config) {
    this.tokenizer = tokenizer;
    this.config = config;
    this.query = prepare(config.query(), "[Q]");
    this.passage = prepare(config.passage(), "[D]");
    String name = tokenizer.firstOf("[MASK]", "<mask>");
    if (name == null && config.padding() != QueryPadding.NONE) {
      throw new TartanException(tokenizer.source() + " has no [MASK] token to pad queries with");
    }
    this.mask = name == null ? -1 : tokenizer.id(name);
  }

  /** The published models put the marker behind the first token. */
  private Prepared prepare(ColbertConfig.Side side, String markerName) {
    List<Integer> front = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (int id : tokenizer.prefix()) {
      front.add(id);
      names.add(tokenizer.token(id));
    }
    String marker = side.marker();
    if (marker != null) {
      int at = Math.min(1, front.size());
      front.add(at, marker(marker));
      names.add(at, markerName);
    }
    return new Prepared(
        side,
        front.stream().mapToInt(Integer::intValue).toArray(),
        names.toArray(String[]::new),
        skipped(side.skipped()));
  }

  private BitSet skipped(ColbertConfig.Skiplist list) {
    BitSet ids = new BitSet();
    for (String word : list.words()) {
      if (list.tokenized()) {
        Tokens tokens = tokenizer.tokenizeOnly(word);
        if (tokens.length() > 0) {
          ids.set(tokens.ids()[0]);
        }
      } else {
        String token = tokenizer.firstOf(word, "[UNK]", "<unk>");
        if (token != null) {
          ids.set(tokenizer.id(token));
        }
      }
    }
    return ids;
  }

  /** The marker's id, the unknown token where the vocabulary lacks it. */
  private int marker(String name) {
    String unknown = tokenizer.firstOf(name, "[UNK]", "<unk>");
    if (unknown == null) {
      throw new TartanException(
          "%s has no token '%s' to mark texts with".formatted(tokenizer.source(), name));
    }
    return tokenizer.id(unknown);
  }

  /**
   * The input for {@code text} as a query.
   *
   * @throws TartanException if no row would be kept
   */
  public TokenSequence query(String text) {
    int length = config.padding() == QueryPadding.NONE ? 0 : config.query().maxLength();
    TokenSequence sequence = build(text, query, length);
    if (sequence.kept().length == 0) {
      throw new TartanException(
          "the query '%s' leaves no token to search with; give it at least one word"
              .formatted(text.length() > 60 ? text.substring(0, 60) + "..." : text));
    }
    return sequence;
  }

  /** The most tokens of a text that a passage has room for, special ones not counted. */
  public int passageRoom() {
    int around =
        passage.front().length
            + tokenizer.suffix().length
            + tokenizer.tokenizeOnly(config.passage().prefix()).length();
    return Math.max(1, config.passage().maxLength() - around);
  }

  /** The input for {@code text} as a passage; may keep no row. */
  public TokenSequence passage(String text) {
    return build(text, passage, 0);
  }

  private TokenSequence build(String text, Prepared prepared, int padTo) {
    ColbertConfig.Side side = prepared.side();
    Tokens tokens = tokenizer.tokenizeOnly(side.prefix() + text);
    int front = prepared.front().length;
    int[] suffix = tokenizer.suffix();
    int around = front + suffix.length;
    int words = Math.min(tokens.length(), Math.max(0, side.maxLength() - around));
    int length = words + around;
    int[] ids = Arrays.copyOf(prepared.front(), Math.max(length, padTo));
    String[] names = Arrays.copyOf(prepared.names(), ids.length);
    System.arraycopy(tokens.ids(), 0, ids, front, words);
    System.arraycopy(tokens.names(), 0, names, front, words);
    int n = front + words;
    for (int id : suffix) {
      names[n] = tokenizer.token(id);
      ids[n++] = id;
    }
    Arrays.fill(ids, n, ids.length, mask);
    Arrays.fill(names, n, ids.length, "[MASK]");
    boolean attendAll = config.padding() == QueryPadding.ATTENDED_MASK;
    int[] kept = kept(ids, prepared, front + words);
    return new TokenSequence(ids, names, attendAll ? ids.length : length, kept, ids.length);
  }

  /** Positions whose rows are kept; words end at {@code last}, padding follows the suffix. */
  private int[] kept(int[] ids, Prepared prepared, int last) {
    int[] kept = new int[ids.length];
    int n = 0;
    int padding = last + tokenizer.suffix().length;
    for (int i = 0; i < ids.length; i++) {
      boolean isKept = !prepared.skipped().get(ids[i]);
      if (i < prepared.front().length) {
        isKept = prepared.side().keepsFront();
      } else if (i >= last && i < padding) {
        isKept = prepared.side().keepsBack();
      }
      if (isKept) {
        kept[n++] = i;
      }
    }
    return Arrays.copyOf(kept, n);
  }
}
