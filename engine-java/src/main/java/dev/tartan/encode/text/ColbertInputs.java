package dev.tartan.encode.text;

import dev.tartan.memory.TartanException;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Builds what a ColBERT model reads: special tokens, the marker behind the first of them, the text
 * cut to the maximal length, and for queries [MASK] tokens up to that length. Safe for concurrent
 * use.
 */
public final class ColbertInputs {
  private static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

  private final Tokenizer tokenizer;
  private final ColbertConfig config;
  private final BitSet punctuation = new BitSet();
  private final int queryMarker;
  private final int passageMarker;
  private final int mask;

  /**
   * @throws TartanException if the configuration needs a token that the vocabulary lacks
   */
  public ColbertInputs(Tokenizer tokenizer, ColbertConfig config) {
    this.tokenizer = tokenizer;
    this.config = config;
    this.queryMarker = marker(config.query().marker());
    this.passageMarker = marker(config.passage().marker());
    String name = tokenizer.firstOf("[MASK]", "<mask>");
    if (name == null && config.padding() != QueryPadding.NONE) {
      throw new TartanException(tokenizer.source() + " has no [MASK] token to pad queries with");
    }
    this.mask = name == null ? -1 : tokenizer.id(name);
    for (int i = 0; i < PUNCTUATION.length(); i++) {
      Tokens tokens = tokenizer.tokenizeOnly(PUNCTUATION.substring(i, i + 1));
      if (tokens.length() > 0) {
        punctuation.set(tokens.ids()[0]);
      }
    }
  }

  /** The marker's id, the unknown token where the vocabulary lacks it, -1 for none. */
  private int marker(@Nullable String name) {
    if (name == null) {
      return -1;
    }
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
    TokenSequence query = build(text, config.query(), queryMarker, "[Q]", length);
    if (query.kept().length == 0) {
      throw new TartanException(
          "the query '%s' leaves no token to search with; give it at least one word"
              .formatted(text.length() > 60 ? text.substring(0, 60) + "..." : text));
    }
    return query;
  }

  /** The input for {@code text} as a passage; may keep no row. */
  public TokenSequence passage(String text) {
    return build(text, config.passage(), passageMarker, "[D]", 0);
  }

  private TokenSequence build(
      String text, ColbertConfig.Side side, int marker, String markerName, int padTo) {
    Tokens tokens = tokenizer.tokenizeOnly(text);
    int[] prefix = tokenizer.prefix();
    int[] suffix = tokenizer.suffix();
    int around = prefix.length + suffix.length + (marker < 0 ? 0 : 1);
    int words = Math.min(tokens.length(), Math.max(0, side.maxLength() - around));
    int length = words + around;
    int[] ids = new int[Math.max(length, padTo)];
    String[] names = new String[ids.length];
    int n = 0;
    for (int id : prefix) {
      names[n] = tokenizer.token(id);
      ids[n++] = id;
      // The published models put the marker behind the first token.
      if (n == 1 && marker >= 0) {
        names[n] = markerName;
        ids[n++] = marker;
      }
    }
    if (prefix.length == 0 && marker >= 0) {
      names[n] = markerName;
      ids[n++] = marker;
    }
    int firstWord = n;
    System.arraycopy(tokens.ids(), 0, ids, n, words);
    System.arraycopy(tokens.names(), 0, names, n, words);
    n += words;
    for (int id : suffix) {
      names[n] = tokenizer.token(id);
      ids[n++] = id;
    }
    Arrays.fill(ids, n, ids.length, mask);
    Arrays.fill(names, n, ids.length, "[MASK]");
    boolean attendAll = config.padding() == QueryPadding.ATTENDED_MASK;
    int[] kept = kept(ids, side, firstWord, firstWord + words);
    return new TokenSequence(ids, names, attendAll ? ids.length : length, kept);
  }

  /** Positions whose rows are kept; words lie in [first, last), padding behind the suffix. */
  private int[] kept(int[] ids, ColbertConfig.Side side, int first, int last) {
    int[] kept = new int[ids.length];
    int n = 0;
    int padding = last + tokenizer.suffix().length;
    for (int i = 0; i < ids.length; i++) {
      boolean isSpecial = i < first || (i >= last && i < padding);
      if (isSpecial
          ? side.keepSpecialTokens()
          : side.keepPunctuation() || !punctuation.get(ids[i])) {
        kept[n++] = i;
      }
    }
    return Arrays.copyOf(kept, n);
  }
}
