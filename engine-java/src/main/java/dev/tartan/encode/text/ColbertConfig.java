package dev.tartan.encode.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.tartan.memory.TartanException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How a late-interaction checkpoint turns text into rows.
 *
 * @param dim values in a row, a multiple of 8
 * @param query what is done to queries
 * @param passage what is done to passages
 * @param padding what short queries are filled with
 * @param layer the transformer layer whose output is taken, counted from 1; 0 for the last
 */
public record ColbertConfig(int dim, Side query, Side passage, QueryPadding padding, int layer) {

  /**
   * One side of the model.
   *
   * @param maxLength the most tokens, special ones and the marker included
   * @param marker the token put after the first special token, or null for none
   * @param prefix put before each text; mostly empty
   * @param keepsFront whether the special tokens before a text and the marker give rows
   * @param keepsBack whether the special tokens behind it give rows
   * @param skipped what else gives no rows
   */
  public record Side(
      int maxLength,
      @Nullable String marker,
      String prefix,
      boolean keepsFront,
      boolean keepsBack,
      Skiplist skipped) {}

  /**
   * Words whose tokens give no rows.
   *
   * @param words in a fixed order
   * @param tokenized whether the first token of each is meant, as ColBERT means it, or the token
   *     spelt like it, the unknown token where there is none, as PyLate means it
   */
  public record Skiplist(List<String> words, boolean tokenized) {
    /** Every token gives a row. */
    public static final Skiplist NONE = new Skiplist(List.of(), true);

    /** What ColBERT leaves out of passages: ASCII punctuation. */
    public static final Skiplist PUNCTUATION =
        new Skiplist(List.of("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".split("")), true);
  }

  /** ColBERTv2: 32 query tokens, 180 passage tokens, [unused0] and [unused1], 128 values a row. */
  public static ColbertConfig defaults() {
    return of("defaults", MissingNode.getInstance());
  }

  /**
   * Reads the keys that ColBERT writes ({@code dim}, {@code query_maxlen}, {@code doc_maxlen},
   * {@code query_token_id}, {@code doc_token_id}, {@code mask_punctuation}, {@code
   * attend_to_mask_tokens}) and those that Tartan adds ({@code query_padding}, {@code
   * query_mask_punctuation}, {@code query_keep_special_tokens}, {@code doc_keep_special_tokens},
   * {@code layer}; a marker of null is none).
   *
   * @param source the file, for messages
   * @throws TartanException if a value is out of range
   */
  public static ColbertConfig of(String source, JsonNode json) {
    Side query = side(source, json, "query", "query_maxlen", 32, "[unused0]");
    Side passage = side(source, json, "doc", "doc_maxlen", 180, "[unused1]");
    QueryPadding padding =
        QueryPadding.of(
            json.path("query_padding").asBoolean(true),
            json.path("attend_to_mask_tokens").asBoolean(false));
    int dim = positive(source, json, "dim", 128);
    if (dim % 8 != 0) {
      throw new TartanException(
          "%s: dim is %d; only multiples of 8 can be compressed".formatted(source, dim));
    }
    return new ColbertConfig(dim, query, passage, padding, json.path("layer").asInt(0));
  }

  /**
   * Reads the keys that PyLate writes into {@code config_sentence_transformers.json}, with its
   * defaults for what is absent.
   *
   * @param isToken whether the vocabulary has a token spelt so: a prefix that is one is put behind
   *     the first special token, any other before the text
   * @throws TartanException if a value is out of range
   */
  public static ColbertConfig pylate(String source, JsonNode json, Predicate<String> isToken) {
    List<String> words = new ArrayList<>();
    json.path("skiplist_words").forEach(word -> words.add(word.asText()));
    Skiplist skipped =
        new Skiplist(json.has("skiplist_words") ? words : Skiplist.PUNCTUATION.words(), false);
    String queryPrefix = json.path("query_prefix").asText("[Q] ");
    String passagePrefix = json.path("document_prefix").asText("[D] ");
    boolean isQueryToken = isToken.test(queryPrefix);
    boolean isPassageToken = isToken.test(passagePrefix);
    Side query =
        new Side(
            positive(source, json, "query_length", 32),
            isQueryToken ? queryPrefix : null,
            isQueryToken ? "" : queryPrefix,
            true,
            true,
            Skiplist.NONE);
    Side passage =
        new Side(
            positive(source, json, "document_length", 180),
            isPassageToken ? passagePrefix : null,
            isPassageToken ? "" : passagePrefix,
            true,
            true,
            skipped);
    boolean expands = json.path("do_query_expansion").asBoolean(true);
    boolean attends = json.path("attend_to_expansion_tokens").asBoolean(false);
    return new ColbertConfig(128, query, passage, QueryPadding.of(expands, attends), 0);
  }

  /**
   * BGE-M3: no marker, no padding, a row for every token but the first.
   *
   * @param json may change {@code query_maxlen} and {@code doc_maxlen}, which are 512
   */
  public static ColbertConfig bge(String source, JsonNode json) {
    int query = positive(source, json, "query_maxlen", 512);
    int passage = positive(source, json, "doc_maxlen", 512);
    return new ColbertConfig(
        1024,
        new Side(query, null, "", false, true, Skiplist.NONE),
        new Side(passage, null, "", false, true, Skiplist.NONE),
        QueryPadding.NONE,
        0);
  }

  private static Side side(
      String source, JsonNode json, String name, String lengthKey, int length, String marker) {
    boolean isQuery = name.equals("query");
    boolean special = json.path(name + "_keep_special_tokens").asBoolean(true);
    boolean punctuation =
        json.path(isQuery ? "query_mask_punctuation" : "mask_punctuation").asBoolean(!isQuery);
    return new Side(
        positive(source, json, lengthKey, length),
        marker(json, name + "_token_id", marker),
        "",
        special,
        special,
        punctuation ? Skiplist.PUNCTUATION : Skiplist.NONE);
  }

  /** The same with rows of {@code values} values. */
  public ColbertConfig withDim(int values) {
    return new ColbertConfig(values, query, passage, padding, layer);
  }

  /** The same with a row for every token of a passage. */
  public ColbertConfig withAllRows() {
    Side all =
        new Side(
            passage.maxLength(), passage.marker(), passage.prefix(), true, true, Skiplist.NONE);
    return new ColbertConfig(dim, query, all, padding, layer);
  }

  private static int positive(String source, JsonNode json, String key, int otherwise) {
    int value = json.path(key).asInt(otherwise);
    if (value < 4) {
      throw new TartanException("%s: %s is %d; at least 4 is needed".formatted(source, key, value));
    }
    return value;
  }

  private static @Nullable String marker(JsonNode json, String key, String otherwise) {
    JsonNode value = json.path(key);
    return value.isNull() ? null : value.asText(otherwise);
  }
}
