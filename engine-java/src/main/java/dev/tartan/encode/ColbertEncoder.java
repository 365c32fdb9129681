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
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
    return matrix(embedder.embed(List.of(inputs.query(text)), index(text, "")), arena);
  }

  @Override
  public List<Matrix> encodeQueries(List<String> texts, Arena arena) {
    List<Future<float[]>> results = new ArrayList<>();
    for (String text : texts) {
      TokenSequence query = inputs.query(text);
      int index = index(text, "");
      results.add(workers.submit(() -> embedder.embed(List.of(query), index)));
    }
    List<Matrix> queries = new ArrayList<>();
    for (Future<float[]> result : results) {
      queries.add(matrix(await(result), arena));
    }
    return queries;
  }

  private Matrix matrix(float[] rows, Arena arena) {
    Matrix matrix = Matrix.allocate(arena, rows.length / dim(), dim());
    MemorySegment.copy(rows, 0, matrix.data(), Layouts.F32, 0, rows.length);
    return matrix;
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
  public EncodedPassages encodePassages(List<String> texts, List<String> ofLanguages, Arena arena) {
    List<TokenSequence> sequences = new ArrayList<>();
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      if (!texts.get(i).isBlank()) {
        sequences.add(inputs.passage(texts.get(i)));
        indices.add(index(texts.get(i), ofLanguages.get(i)));
      }
    }
    EncodedPassages encoded = encode(sequences, indices, arena);
    int[] doclens = new int[texts.size()];
    int next = 0;
    for (int i = 0; i < doclens.length; i++) {
      doclens[i] = texts.get(i).isBlank() ? 0 : encoded.doclens()[next++];
    }
    return new EncodedPassages(encoded.rows(), doclens);
  }

  private EncodedPassages encode(
      List<TokenSequence> sequences, List<Integer> indices, Arena arena) {
    int[] doclens = sequences.stream().mapToInt(sequence -> sequence.kept().length).toArray();
    long[] firstRows = new long[doclens.length + 1];
    for (int i = 0; i < doclens.length; i++) {
      firstRows[i + 1] = firstRows[i] + doclens[i];
    }
    Matrix rows = Matrix.allocate(arena, firstRows[doclens.length], dim());
    List<int[]> batches = LengthBatches.of(sequences, indices, BATCH_TOKENS);
    List<Future<float[]>> results = new ArrayList<>();
    for (int[] batch : batches) {
      List<TokenSequence> members = IntStream.of(batch).mapToObj(sequences::get).toList();
      int index = indices.get(batch[0]);
      results.add(workers.submit(() -> embedder.embed(members, index)));
    }
    // Copied here and not by the workers: the caller's arena may be confined to its thread.
    for (int b = 0; b < batches.size(); b++) {
      float[] values = await(results.get(b));
      int from = 0;
      for (int passage : batches.get(b)) {
        int n = doclens[passage] * dim();
        long to = firstRows[passage] * dim() * Float.BYTES;
        MemorySegment.copy(values, from, rows.data(), Layouts.F32, to, n);
        from += n;
      }
    }
    return new EncodedPassages(rows, doclens);
  }

  private static float[] await(Future<float[]> result) {
    try {
      return result.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TartanException("encoding was interrupted", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new TartanException("encoding failed: " + e.getCause(), e);
    }
  }

  @Override
  public List<String> queryTokens(String text) {
    return inputs.query(text).keptTokens();
  }

  @Override
  public List<String> passageTokens(String text) {
    return text.isBlank() ? List.of() : inputs.passage(text).keptTokens();
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
