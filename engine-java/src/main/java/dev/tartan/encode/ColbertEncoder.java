package dev.tartan.encode;

import dev.tartan.collection.Document;
import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.model.TokenEmbedder;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.LanguageDetector;
import dev.tartan.encode.text.LengthBatches;
import dev.tartan.encode.text.TextSplitter;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A ColBERT model: tokenizer, inputs, transformer and projection.
 *
 * <p>Passages are sorted by length and cut into batches of a bounded number of token places, so
 * that little padding is computed and a batch stays within the caches; the batches are spread over
 * threads, each of which runs LibTorch on one core.
 */
final class ColbertEncoder implements Encoder {
  /**
   * Measured with 384 values a token: 512 places take 14% less processor time than 2048 and 20%
   * less than 4096, whose intermediate results fall out of the caches.
   */
  static final int BATCH_TOKENS = 512;

  private final String model;
  private final ColbertConfig config;
  private final Tokenizer tokenizer;
  private final ColbertInputs inputs;
  private final TextSplitter splitter;
  private final TokenEmbedder embedder;
  private final Languages languages;
  private final @Nullable String language;
  private final int defaultLanguage;
  private final @Nullable LanguageDetector detector;
  private final ExecutorService workers;

  /**
   * Takes over {@code tokenizer} and {@code embedder}.
   *
   * @param language one of the embedder's, or {@link Languages#AUTO}; null if it has none
   * @param defaultLanguage index of that of texts whose language is detected to be one that the
   *     model has not
   */
  ColbertEncoder(
      String model,
      ColbertConfig config,
      Tokenizer tokenizer,
      TokenEmbedder embedder,
      @Nullable String language,
      int defaultLanguage,
      int threads) {
    this.model = model;
    this.config = config;
    this.tokenizer = tokenizer;
    this.inputs = new ColbertInputs(tokenizer, config);
    this.splitter = new TextSplitter(tokenizer);
    this.embedder = embedder;
    this.languages = new Languages(model, embedder.languages());
    this.language = language;
    this.defaultLanguage = defaultLanguage;
    this.detector = Languages.AUTO.equals(language) ? LanguageDetector.open() : null;
    this.workers =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("tartan-encode-", 0).factory());
    checkLength("query_maxlen", config.query().maxLength());
    checkLength("doc_maxlen", config.passage().maxLength());
    tokenizer.requireFits(embedder.vocabularySize());
  }

  private void checkLength(String key, int length) {
    if (length > embedder.maxLength()) {
      throw new TartanException(
          "%s: %s is %d, but the model reads at most %d tokens"
              .formatted(model, key, length, embedder.maxLength()));
    }
  }

  @Override
  public int dim() {
    return embedder.dim();
  }

  @Override
  public String model() {
    return model;
  }

  @Override
  public @Nullable String language() {
    return language;
  }

  @Override
  public int queryMaxLength() {
    return config.query().maxLength();
  }

  @Override
  public int passageMaxLength() {
    return config.passage().maxLength();
  }

  @Override
  public Matrix encodeQuery(String text, Arena arena) {
    TokenSequence query = inputs.query(text);
    Matrix matrix = Matrix.allocate(arena, query.kept().length, dim());
    embedder.embed(List.of(query), index(text, ""), rows -> matrix.data().copyFrom(rows));
    return matrix;
  }

  @Override
  public List<Matrix> encodeQueries(List<String> texts, Arena arena) {
    List<TokenSequence> queries = texts.stream().map(inputs::query).toList();
    List<Integer> indices = texts.stream().map(text -> index(text, "")).toList();
    List<int[]> alone = IntStream.range(0, texts.size()).mapToObj(i -> new int[] {i}).toList();
    Encoding encoding = new Encoding(embedder, queries, indices, TokenPooling.NONE);
    Matrix rows = encoding.run(alone, workers, arena);
    long[] first = encoding.firstRows();
    return IntStream.range(0, texts.size())
        .mapToObj(q -> rows.slice(first[q], first[q + 1] - first[q]))
        .toList();
  }

  /** The embedder's number of the language of {@code text}, called {@code name} unless empty. */
  private int index(String text, String name) {
    if (language == null) {
      return 0;
    }
    return name.isBlank() && detector != null
        ? languages.detected(detector.detect(text), defaultLanguage)
        : languages.index(name.isBlank() ? language : name);
  }

  @Override
  public EncodedPassages encodePassages(
      List<String> texts, List<String> ofLanguages, TokenPooling pooling, Arena arena) {
    List<TokenSequence> sequences = new ArrayList<>();
    List<Integer> indices = new ArrayList<>();
    int[] doclens = new int[texts.size()];
    for (int i = 0; i < doclens.length; i++) {
      if (!texts.get(i).isBlank()) {
        TokenSequence sequence = inputs.passage(texts.get(i));
        sequences.add(sequence);
        indices.add(index(texts.get(i), ofLanguages.get(i)));
        doclens[i] = pooling.rows(sequence.kept().length);
      }
    }
    List<int[]> batches = LengthBatches.of(sequences, indices, BATCH_TOKENS);
    Encoding encoding = new Encoding(embedder, sequences, indices, pooling);
    return new EncodedPassages(encoding.run(batches, workers, arena), doclens);
  }

  @Override
  public List<String> queryTokens(String text) {
    return inputs.query(text).keptTokens();
  }

  @Override
  public List<String> passageTokens(String text, TokenPooling pooling) {
    if (text.isBlank()) {
      return List.of();
    }
    TokenSequence passage = inputs.passage(text);
    List<String> tokens = passage.keptTokens();
    int rows = pooling.rows(tokens.size());
    if (rows == tokens.size()) {
      return tokens;
    }
    String[] shared = new String[rows];
    embedder.embed(
        List.of(passage),
        index(text, ""),
        own -> {
          int[] clusters = pooling.clusters(own, tokens.size(), dim());
          for (int t = 0; t < clusters.length; t++) {
            shared[clusters[t]] =
                shared[clusters[t]] == null
                    ? tokens.get(t)
                    : shared[clusters[t]] + "+" + tokens.get(t);
          }
        });
    return List.of(shared);
  }

  @Override
  public List<Piece> split(Document document, Splitting splitting) {
    int most = Math.min(splitting.tokens(), inputs.passageRoom());
    String title = splitter.start(document.title().strip(), most / 2);
    int limit = most - splitter.count(title);
    List<Piece> pieces = new ArrayList<>();
    for (Span span : splitter.split(document.text(), limit, splitting, locale(document))) {
      pieces.add(new Piece(span, Document.passage(title, span.of(document.text()))));
    }
    return pieces.isEmpty()
        ? List.of(new Piece(new Span(0, 0), Document.passage(title, "")))
        : pieces;
  }

  /** That of the sentences; any where the language is not known. */
  private Locale locale(Document document) {
    String name =
        document.language().isBlank() && language != null ? language : document.language();
    return Locale.forLanguageTag(name.replace('_', '-'));
  }

  @Override
  public void close() {
    workers.shutdown();
    embedder.close();
    tokenizer.close();
  }
}
