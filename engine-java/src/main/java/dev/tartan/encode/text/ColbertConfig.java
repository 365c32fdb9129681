package dev.tartan.encode.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.tartan.memory.TartanException;
import org.jspecify.annotations.Nullable;

/**
 * How a late-interaction checkpoint turns text into rows. Read from {@code artifact.metadata}, with
 * ColBERTv2's values for what is absent there.
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
   * @param keepSpecialTokens whether [CLS], [SEP] and the marker give rows
   * @param keepPunctuation whether punctuation gives rows
   */
  public record Side(
      int maxLength, @Nullable String marker, boolean keepSpecialTokens, boolean keepPunctuation) {}

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
    Side query =
        new Side(
            positive(source, json, "query_maxlen", 32),
            marker(json, "query_token_id", "[unused0]"),
            json.path("query_keep_special_tokens").asBoolean(true),
            !json.path("query_mask_punctuation").asBoolean(false));
    Side passage =
        new Side(
            positive(source, json, "doc_maxlen", 180),
            marker(json, "doc_token_id", "[unused1]"),
            json.path("doc_keep_special_tokens").asBoolean(true),
            !json.path("mask_punctuation").asBoolean(true));
    QueryPadding padding =
        !json.path("query_padding").asBoolean(true)
            ? QueryPadding.NONE
            : json.path("attend_to_mask_tokens").asBoolean(false)
                ? QueryPadding.ATTENDED_MASK
                : QueryPadding.MASK;
    int dim = positive(source, json, "dim", 128);
    if (dim % 8 != 0) {
      throw new TartanException(
          "%s: dim is %d; only multiples of 8 can be compressed".formatted(source, dim));
    }
    return new ColbertConfig(dim, query, passage, padding, json.path("layer").asInt(0));
  }

  /** The same with rows of {@code values} values. */
  public ColbertConfig withDim(int values) {
    return new ColbertConfig(values, query, passage, padding, layer);
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
