package dev.tartan.encode;

import dev.tartan.collection.Document;
import dev.tartan.collection.Splitting;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns text into token embeddings. Safe for concurrent use; {@link #close} waits for calls in
 * flight, and a call after it throws {@link IllegalStateException}.
 */
public interface Encoder extends AutoCloseable {
  /** Values in a row, a multiple of 8. */
  int dim();

  /**
   * What an index stores to find the same encoder again: a built-in name, or the absolute path of
   * the model's folder.
   */
  String model();

  /**
   * The language that texts are taken to be in, {@code auto} if it is detected; null if the model
   * reads all languages alike. An index stores it beside {@link #model}.
   */
  @Nullable String language();

  /** The most tokens of a query, special ones included; what follows is cut off. */
  int queryMaxLength();

  /** The most tokens of a passage, special ones included; what follows is cut off. */
  int passageMaxLength();

  /**
   * The rows of one query: [at least 1, dim] float32, each of unit length.
   *
   * @param arena the scope of the result
   * @throws TartanException if the query leaves no token to search with
   */
  Matrix encodeQuery(String text, Arena arena);

  /**
   * {@link #encodeQuery} of many queries on several threads; the same rows, in their order.
   *
   * @param arena the scope of the results
   */
  List<Matrix> encodeQueries(List<String> texts, Arena arena);

  /**
   * The rows of many passages, in the order of {@code texts}. Works through them in batches of
   * similar length on several threads; memory grows with {@code texts}, so pass some thousand at a
   * time. A blank text has no rows, whatever tokens the model puts around a text.
   *
   * @param languages the language of each text; empty for {@link #language}. Not read where that is
   *     null
   * @param pooling how many rows are kept of a text's tokens
   * @param arena the scope of the result; the shared kind saves a copy
   * @throws TartanException if the model has no such language
   */
  EncodedPassages encodePassages(
      List<String> texts, List<String> languages, TokenPooling pooling, Arena arena);

  /** As {@link #encodePassages(List, List, TokenPooling, Arena)} with a row for every token. */
  default EncodedPassages encodePassages(List<String> texts, List<String> languages, Arena arena) {
    return encodePassages(texts, languages, TokenPooling.NONE, arena);
  }

  /** {@link #encodePassages(List, List, Arena)} of texts in {@link #language}. */
  default EncodedPassages encodePassages(List<String> texts, Arena arena) {
    return encodePassages(texts, Collections.nCopies(texts.size(), ""), arena);
  }

  /** A printable token for each row of {@link #encodeQuery}, in order. */
  List<String> queryTokens(String text);

  /**
   * What to print for each row that {@link #encodePassages} keeps of {@code text}: its token, or
   * the tokens that share it with {@code +} between. Where rows are pooled, the text is encoded for
   * it.
   */
  List<String> passageTokens(String text, TokenPooling pooling);

  /** The tokens of {@code text} that are kept, a row each. */
  default List<String> passageTokens(String text) {
    return passageTokens(text, TokenPooling.NONE);
  }

  /**
   * Cuts a document into the passages that are to be encoded: parts of its text, each with the
   * title before it. In order they cover the text. None has more tokens than the model reads,
   * whatever {@code splitting} allows; a title that takes more than half of them is cut.
   *
   * @return at least one passage, which is blank if the document is
   */
  List<Piece> split(Document document, Splitting splitting);

  /** Frees the model. */
  @Override
  void close();
}
