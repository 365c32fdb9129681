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
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes an index of a collection of texts: reads it once as a stream, encodes it in batches, and
 * commits; then measures which search settings the index needs. Confined to one thread.
 */
public final class TextIndexer {
  /** Passages encoded at a time: enough to find some of similar length. */
  private static final int BATCH = 512;

  /** The first batch is small and each next one twice as large, so that progress shows soon. */
  private static final int FIRST_BATCH = 64;

  private final Encoder encoder;
  private final Backend backend;
  private final Progress progress;
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
    Manifest manifest = Calibration.calibrate(path, List.of(), Calibration.KS, backend, progress);
    return new Result(manifest, withoutText, firstWithoutText);
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
      List<String> languages = new ArrayList<>();
      for (int i = 0; i < batch.size(); i++) {
        languages.addAll(Collections.nCopies(passages.get(i).size(), batch.get(i).language()));
      }
      EncodedPassages encoded = encoder.encodePassages(texts, languages, arena);
      int passage = 0;
      long row = 0;
      for (int i = 0; i < batch.size(); i++) {
        List<IndexWriter.Passage> parts = new ArrayList<>();
        long tokens = 0;
        for (String text : passages.get(i)) {
          int doclen = encoded.doclens()[passage++];
          parts.add(new IndexWriter.Passage(doclen, text));
          tokens += doclen;
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
}
