package dev.tartan.encode.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.tartan.memory.TartanException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a checkpoint. Truncation and padding that the file may carry are switched off;
 * special tokens are added by {@link ColbertInputs}, not here. Safe for concurrent use.
 */
public final class Tokenizer implements AutoCloseable {
  private final String source;
  private final HuggingFaceTokenizer tokenizer;
  private final Vocabulary vocabulary;
  private final int[] prefix;
  private final int[] suffix;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Tokenizer(String source, HuggingFaceTokenizer tokenizer, Vocabulary vocabulary) {
    this.source = source;
    this.tokenizer = tokenizer;
    this.vocabulary = vocabulary;
    // What the post-processor puts around a text, seen on one word.
    Encoding probe = tokenizer.encode("a", true, false);
    long[] special = probe.getSpecialTokenMask();
    int before = 0;
    while (before < special.length && special[before] == 1) {
      before++;
    }
    int after = special.length;
    while (after > before && special[after - 1] == 1) {
      after--;
    }
    int[] ids = ints(probe.getIds());
    this.prefix = Arrays.copyOfRange(ids, 0, before);
    this.suffix = Arrays.copyOfRange(ids, after, ids.length);
  }

  /**
   * Opens {@code tokenizer.json} of {@code folder}, or {@code vocab.txt} where that is missing.
   *
   * @throws TartanException if there is neither, or it cannot be read
   */
  public static Tokenizer open(Path folder) {
    Path json = folder.resolve("tokenizer.json");
    Path vocabulary = folder.resolve("vocab.txt");
    try {
      if (Files.exists(json)) {
        return of(json.toString(), Files.readAllBytes(json));
      }
      if (Files.exists(vocabulary)) {
        Path options = folder.resolve("tokenizer_config.json");
        byte[] config = Files.exists(options) ? Files.readAllBytes(options) : new byte[] {'{', '}'};
        return of(
            vocabulary.toString(),
            WordPieceVocabulary.toJson(Files.readAllLines(vocabulary), config));
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read the tokenizer in " + folder, e);
    }
    throw new TartanException(
        folder + " has no tokenizer.json and no vocab.txt; copy the model's tokenizer there");
  }

  /**
   * Opens the text of a {@code tokenizer.json}.
   *
   * @param source what to call it in messages
   * @throws TartanException if it is damaged, or if the tokenizer library does not load
   */
  public static Tokenizer of(String source, byte[] json) {
    Vocabulary vocabulary = Vocabulary.of(source, json);
    NativeCache.prepare();
    try {
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(
              new ByteArrayInputStream(json),
              Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
      return new Tokenizer(source, tokenizer, vocabulary);
    } catch (LinkageError | ai.djl.engine.EngineException e) {
      throw new TartanException(
          "the tokenizer library does not load on this machine (%s); it needs"
                  .formatted(e.getMessage())
              + " ai.djl.huggingface:tokenizers on the class path and a writable cache folder"
              + " (-DDJL_CACHE_DIR=DIR)",
          e);
    } catch (IOException | RuntimeException e) {
      throw new TartanException(
          "%s is no tokenizer that can be read: %s".formatted(source, e.getMessage()), e);
    }
  }

  /** The file, for messages. */
  public String source() {
    return source;
  }

  /** Splits {@code text} into tokens, adding none. */
  Tokens tokenize(String text) {
    Encoding encoding = encode(text);
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] starts = new int[spans.length];
    int[] ends = new int[spans.length];
    // Spans count code points; both arrays ascend, so one walk over the text converts them.
    int units = 0;
    int points = 0;
    for (int i = 0; i < spans.length; i++) {
      CharSpan span = spans[i];
      if (span == null) {
        starts[i] = ends[i] = units;
        continue;
      }
      if (span.getStart() < points) {
        units = 0;
        points = 0;
      }
      units = text.offsetByCodePoints(units, span.getStart() - points);
      points = span.getStart();
      starts[i] = units;
      ends[i] = text.offsetByCodePoints(units, span.getEnd() - points);
    }
    return new Tokens(
        ints(encoding.getIds()), encoding.getTokens(), starts, ends, encoding.getWordIds());
  }

  /** As {@link #tokenize} without places: what encoding needs. */
  Tokens tokenizeOnly(String text) {
    Encoding encoding = encode(text);
    int[] none = {};
    return new Tokens(
        ints(encoding.getIds()), encoding.getTokens(), none, none, encoding.getWordIds());
  }

  private Encoding encode(String text) {
    lock.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the encoder is closed");
      }
      return tokenizer.encode(wellFormed(text), false, false);
    } catch (IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new TartanException("cannot split a text into tokens: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Lone surrogates, which have no UTF-8 form, become the replacement character. */
  private static String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
      }
    }
    return text;
  }

  /** Whether the vocabulary has a token spelt so. */
  public boolean has(String token) {
    return vocabulary.id(token) >= 0;
  }

  /** The id of {@code token}, or -1. */
  int id(String token) {
    return vocabulary.id(token);
  }

  /** The token that stands for {@code id}. */
  String token(int id) {
    return vocabulary.token(id);
  }

  /** The first of {@code spellings} that the vocabulary has, or null. */
  @Nullable String firstOf(String... spellings) {
    for (String spelling : spellings) {
      if (vocabulary.id(spelling) >= 0) {
        return spelling;
      }
    }
    return null;
  }

  /**
   * What stands around two texts that are read together.
   *
   * @param before ids before the first, such as [CLS]
   * @param between ids between them, such as [SEP]
   * @param after ids behind the second
   * @param second how many of {@code between} belong to the first text
   */
  record PairFrame(int[] before, int[] between, int[] after, int second) {}

  /** The frame of pairs, as the post-processor makes it around two words. */
  PairFrame pairFrame() {
    Encoding probe = tokenizer.encode("a", "a", true, false);
    long[] special = probe.getSpecialTokenMask();
    int[] ids = ints(probe.getIds());
    long[] types = probe.getTypeIds();
    int first = next(special, 0, 0);
    int firstEnd = next(special, first, 1);
    int second = next(special, firstEnd, 0);
    int secondEnd = next(special, second, 1);
    int typed = firstEnd;
    while (typed < types.length && types[typed] == 0) {
      typed++;
    }
    return new PairFrame(
        Arrays.copyOf(ids, first),
        Arrays.copyOfRange(ids, firstEnd, second),
        Arrays.copyOfRange(ids, secondEnd, ids.length),
        // XLM-RoBERTa has one token type only: no token is of the second text then
        typed == types.length ? Integer.MAX_VALUE : typed - firstEnd);
  }

  private static int next(long[] special, int from, long value) {
    int i = from;
    while (i < special.length && special[i] != value) {
      i++;
    }
    return i;
  }

  /** Ids of the special tokens before a text, such as [CLS]. */
  int[] prefix() {
    return prefix;
  }

  /** Ids of the special tokens behind a text, such as [SEP]. */
  int[] suffix() {
    return suffix;
  }

  /**
   * Checks that a model knows all tokens.
   *
   * @param modelSize one more than the largest id of the model
   * @throws TartanException if it does not
   */
  public void requireFits(int modelSize) {
    if (size() > modelSize) {
      throw new TartanException(
          "%s knows %d tokens, the model only %d; they do not belong together"
              .formatted(source, size(), modelSize));
    }
  }

  /** One more than the largest id. */
  public int size() {
    return vocabulary.size();
  }

  @Override
  public void close() {
    // The native side must not go while another thread is in it.
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        tokenizer.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private static int[] ints(long[] values) {
    return LongStream.of(values).mapToInt(Math::toIntExact).toArray();
  }
}
