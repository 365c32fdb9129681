package dev.tartan;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.compute.Backend;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Calibration;
import dev.tartan.segment.Manifest;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Makes an index of a collection of texts: reads it once as a stream, encodes it in batches, and
 * commits; then measures the search settings with pseudo-queries of its own sentences. Confined to
 * one thread.
 */
public final class TextIndexer {
  /** Passages encoded at a time: enough to find some of similar length. */
  private static final int BATCH = 512;

  /** The first batch is small and each next one twice as large, so that progress shows soon. */
  private static final int FIRST_BATCH = 64;

  private static final int QUERY_WORDS = 14;

  private final Encoder encoder;
  private final Backend backend;
  private final Progress progress;
  private final SplittableRandom random = new SplittableRandom(11);
  private final List<String> pseudoQueries = new ArrayList<>();
  private long passagesSeen;
  private long withoutText;
  private @Nullable String firstWithoutText;

  public TextIndexer(Encoder encoder, Backend backend, Progress progress) {
    this.encoder = encoder;
    this.backend = backend;
    this.progress = progress;
  }

  /**
   * What came of it.
   *
   * @param withoutText documents without any token; they are in the index and cannot be found
   * @param firstWithoutText the id of the first of them
   */
  public record Result(Manifest manifest, long withoutText, @Nullable String firstWithoutText) {}

  /**
   * Indexes {@code collection} at {@code path}, replacing what is there in one commit.
   *
   * @throws TartanException if the collection or the directory is at fault; what was committed
   *     before stands
   */
  public Result index(Collection collection, Path path, IndexOptions options) {
    try (IndexWriter writer = new IndexWriter(path, options, backend, progress)) {
      read(collection, options.split(), writer);
      writer.commit();
    }
    try (Arena arena = Arena.ofShared()) {
      List<Matrix> queries = encoder.encodeQueries(pseudoQueries, arena);
      Manifest manifest = Calibration.calibrate(path, queries, backend, progress);
      return new Result(manifest, withoutText, firstWithoutText);
    }
  }

  private void read(Collection collection, @Nullable Integer split, IndexWriter writer) {
    try (DocumentReader documents = collection.open()) {
      progress.stage("encoding", "KiB of text", documents.totalBytes() >> 10);
      List<Document> batch = new ArrayList<>();
      List<List<String>> passages = new ArrayList<>();
      int pending = 0;
      int wanted = FIRST_BATCH;
      while (documents.hasNext()) {
        Document document = documents.next();
        List<String> pieces = pieces(document.passage(), split);
        batch.add(document);
        passages.add(pieces);
        pending += pieces.size();
        if (pending >= wanted || !documents.hasNext()) {
          add(batch, passages, writer);
          batch.clear();
          passages.clear();
          pending = 0;
          wanted = Math.min(BATCH, 2 * wanted);
          progress.advance(documents.newKibibytes());
        }
      }
    }
  }

  private List<String> pieces(String text, @Nullable Integer split) {
    return split == null || text.isBlank() ? List.of(text) : encoder.split(text, split);
  }

  private void add(List<Document> batch, List<List<String>> passages, IndexWriter writer) {
    try (Arena arena = Arena.ofShared()) {
      List<String> texts = passages.stream().flatMap(List::stream).toList();
      EncodedPassages encoded = encoder.encodePassages(texts, arena);
      int passage = 0;
      long row = 0;
      for (int i = 0; i < batch.size(); i++) {
        List<IndexWriter.Passage> parts = new ArrayList<>();
        long tokens = 0;
        for (String text : passages.get(i)) {
          int doclen = encoded.doclens()[passage++];
          parts.add(new IndexWriter.Passage(doclen, text));
          tokens += doclen;
          considerAsQuery(text);
        }
        Matrix rows = tokens == 0 ? null : encoded.rows().slice(row, tokens);
        noteIfEmpty(batch.get(i), rows);
        writer.add(batch.get(i).id(), parts, rows);
        row += tokens;
      }
    }
  }

  private void noteIfEmpty(Document document, @Nullable Matrix rows) {
    if (rows == null) {
      withoutText++;
      firstWithoutText = firstWithoutText == null ? document.id() : firstWithoutText;
    }
  }

  /** Keeps a uniform sample of runs of words, by reservoir sampling. */
  private void considerAsQuery(String text) {
    String[] words = text.split(" ");
    if (words.length < QUERY_WORDS / 2) {
      return;
    }
    passagesSeen++;
    int slot =
        pseudoQueries.size() < Calibration.QUERIES
            ? pseudoQueries.size()
            : (int) Math.min(Integer.MAX_VALUE, random.nextLong(passagesSeen));
    if (slot >= Calibration.QUERIES) {
      return;
    }
    int start = random.nextInt(Math.max(1, words.length - QUERY_WORDS + 1));
    int end = Math.min(words.length, start + QUERY_WORDS);
    String query = String.join(" ", Arrays.copyOfRange(words, start, end));
    if (slot == pseudoQueries.size()) {
      pseudoQueries.add(query);
    } else {
      pseudoQueries.set(slot, query);
    }
  }
}
