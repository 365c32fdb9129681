package dev.tartan;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.compute.Backend;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Piece;
import dev.tartan.encode.TokenPooling;
import dev.tartan.indexing.Compaction;
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
import java.util.Iterator;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Makes an index of a collection of texts, or adds to one: reads the collection once as a stream,
 * encodes it in batches, and commits. A new index is then measured for the search settings that it
 * needs; one that was added to has its small segments merged. Confined to one thread.
 */
public final class TextIndexer {
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
    try (DocumentReader documents = collection.open()) {
      return index(feed(documents), path, options);
    }
  }

  /**
   * Indexes {@code documents}, read once, at {@code path}, replacing what is there in one commit.
   *
   * @throws TartanException if there is none, an id repeats or is blank, or the directory is at
   *     fault; what was committed before stands
   */
  public Result index(Iterable<Document> documents, Path path, IndexOptions options) {
    return index(feed(documents), path, options);
  }

  /** Documents, and how far each batch of them goes. */
  private record Feed(Iterator<Document> documents, ToLongFunction<DocumentBatches.Batch> step) {}

  private Feed feed(DocumentReader documents) {
    progress.stage("encoding", "KiB of text", documents.totalBytes() >> 10);
    return new Feed(documents, _ -> documents.newKibibytes());
  }

  private Feed feed(Iterable<Document> documents) {
    int known = documents instanceof java.util.Collection<?> all ? all.size() : -1;
    progress.stage("encoding", "documents", known);
    return new Feed(documents.iterator(), batch -> batch.documents().size());
  }

  private Result index(Feed documents, Path path, IndexOptions options) {
    try (IndexWriter writer = new IndexWriter(path, options, backend, progress)) {
      encode(documents, false, writer);
      writer.commit();
    }
    Manifest manifest = Calibration.calibrate(path, List.of(), Calibration.KS, backend, progress);
    return new Result(manifest, withoutText, firstWithoutText);
  }

  /**
   * Adds {@code collection} to the index at {@code path} in one commit, then merges small segments.
   *
   * @param upsert whether a document replaces that of the same id; else such a document is refused
   * @throws TartanException if the collection or the index is at fault, or the index is of another
   *     model; what was committed before stands
   */
  public Result add(Collection collection, Path path, boolean upsert) {
    try (DocumentReader documents = collection.open()) {
      return add(feed(documents), path, upsert);
    }
  }

  /** The same of {@code documents}, read once. */
  public Result add(Iterable<Document> documents, Path path, boolean upsert) {
    return add(feed(documents), path, upsert);
  }

  private Result add(Feed documents, Path path, boolean upsert) {
    try (IndexWriter writer = IndexWriter.append(path, backend, progress)) {
      requireModel(path, writer.options().model());
      encode(documents, upsert, writer);
      writer.commit();
    }
    Manifest manifest = new Compaction(path, backend, progress).merge();
    return new Result(manifest, withoutText, firstWithoutText);
  }

  private void requireModel(Path path, @Nullable String model) {
    if (!encoder.model().equals(model)) {
      throw Tartan.ofAnotherModel(path, model, encoder.model());
    }
  }

  private void encode(Feed feed, boolean upsert, IndexWriter writer) {
    withoutText = 0;
    firstWithoutText = null;
    DocumentBatches batches =
        new DocumentBatches(feed.documents(), encoder, writer.options().split());
    while (batches.hasNext()) {
      DocumentBatches.Batch batch = batches.next();
      if (upsert) {
        batch.documents().forEach(document -> writer.delete(document.id()));
      }
      add(batch, writer.options().pooling(), writer);
      progress.advance(feed.step().applyAsLong(batch));
    }
  }

  private void add(DocumentBatches.Batch batch, TokenPooling pooling, IndexWriter writer) {
    try (Arena arena = Arena.ofShared()) {
      EncodedPassages encoded = batch.encode(encoder, pooling, arena);
      int passage = 0;
      long row = 0;
      for (int i = 0; i < batch.documents().size(); i++) {
        List<IndexWriter.Passage> parts = new ArrayList<>();
        long tokens = 0;
        for (Piece piece : batch.passages().get(i)) {
          int doclen = encoded.doclens()[passage++];
          parts.add(new IndexWriter.Passage(doclen, piece.text(), piece.span()));
          tokens += doclen;
        }
        Matrix rows = tokens == 0 ? null : encoded.rows().slice(row, tokens);
        Document document = batch.documents().get(i);
        noteIfEmpty(document, rows);
        writer.add(document.id(), document.metadata(), parts, rows);
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
