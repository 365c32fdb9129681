package dev.tartan.indexing;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Span;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Deletions;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.SegmentWriter;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Builds an index, or replaces what one holds, or adds to it and deletes from it, in one commit.
 * Holds the index's lock from creation to close; until {@link #commit} returns, readers see the
 * previous commit, and so they do if this process dies. Memory is bounded by the codec's sample, or
 * where documents are added by 32 bytes an id of these; metadata take what {@link
 * dev.tartan.metadata.ColumnsWriter} says. Confined to one thread; the backend's workers help.
 */
public final class IndexWriter implements AutoCloseable {
  private final IndexDirectory directory;
  private final IndexOptions options;
  private final Backend backend;
  private final Progress progress;

  /** What is added to; null for a new index. */
  private final @Nullable Snapshot base;

  private final @Nullable Deletions deletions;
  private final IdSet ids = new IdSet();
  private @Nullable SegmentWriter segment;
  private @Nullable Spool spool;

  /**
   * Locks {@code path}, which is created if need be, for a new index.
   *
   * @throws TartanException if another writer holds it, or it cannot be written
   */
  public IndexWriter(Path path, IndexOptions options, Backend backend, Progress progress) {
    this(IndexDirectory.open(path), options, null, backend, progress);
  }

  private IndexWriter(
      IndexDirectory directory,
      IndexOptions options,
      @Nullable Snapshot base,
      Backend backend,
      Progress progress) {
    this.directory = directory;
    this.options = options;
    this.base = base;
    this.deletions = base == null ? null : new Deletions(base);
    this.backend = backend;
    this.progress = progress;
  }

  /**
   * Locks the index at {@code path} for adding to it and deleting from it. What is added is
   * compressed with the index's codec and becomes a segment of its own.
   *
   * @throws TartanException if there is no index, another writer holds it, or it cannot be written
   */
  public static IndexWriter append(Path path, Backend backend, Progress progress) {
    Manifest.read(path); // says so if there is none, and makes no directory
    IndexDirectory directory = IndexDirectory.open(path);
    Snapshot base = null;
    try {
      base = Snapshot.open(path);
      return new IndexWriter(directory, IndexOptions.of(base.manifest()), base, backend, progress);
    } catch (RuntimeException e) {
      if (base != null) {
        base.close();
      }
      directory.close();
      throw e;
    }
  }

  /** How what is added is encoded and stored. */
  public IndexOptions options() {
    return options;
  }

  /**
   * One passage of a document.
   *
   * @param doclen its tokens
   * @param text what was encoded
   * @param span what of the document's text it is; null if that is not known of any passage
   */
  public record Passage(int doclen, @Nullable String text, @Nullable Span span) {
    /** A passage of which no more is known. */
    public Passage(int doclen, @Nullable String text) {
      this(doclen, text, null);
    }
  }

  /**
   * Adds a document with the token embeddings of all its passages.
   *
   * @param rows [sum of doclens, dim], of any length but zero; null if there is no token
   * @throws TartanException if the id is blank or was added before, or a row has no direction
   */
  public void add(String id, List<Passage> passages, @Nullable Matrix rows) {
    add(id, "", passages, rows);
  }

  /**
   * The same with metadata.
   *
   * @param metadata a JSON object; blank for none
   * @throws TartanException also if a value does not fit its field
   */
  public void add(String id, String metadata, List<Passage> passages, @Nullable Matrix rows) {
    long tokens = passages.stream().mapToLong(Passage::doclen).sum();
    if (tokens != (rows == null ? 0 : rows.rows())) {
      throw new IllegalArgumentException("the doclens do not sum to the rows");
    }
    if (rows == null) {
      addDocument(id, metadata, passages);
      return;
    }
    if (rows.dim() != options.dim()) {
      throw new IllegalArgumentException(
          "rows of dim %d for an index of %d".formatted(rows.dim(), options.dim()));
    }
    try (Arena arena = Arena.ofConfined()) {
      Matrix unit = Matrix.allocate(arena, rows.rows(), rows.dim());
      unit.data().copyFrom(rows.data());
      unit.normalizeRows("document '%s'".formatted(id), 0); // float16 holds no other lengths
      addDocument(id, metadata, passages);
      if (spool == null) {
        Path path = directory.path().resolve("spool-" + directory.nextCommit() + ".npy");
        spool = new Spool(path, options.dim());
      }
      spool.add(unit);
    }
  }

  /**
   * Deletes a document of the index that is added to; it may be added again.
   *
   * @return whether it was there
   */
  public boolean delete(String id) {
    if (deletions == null) {
      throw new IllegalStateException("a new index has nothing to delete");
    }
    return deletions.add(id);
  }

  /**
   * The same of a document that must be there.
   *
   * @throws TartanException if it is not
   */
  public void requireDelete(String id) {
    if (!delete(id)) {
      throw new TartanException(
          "there is no document '%s' in the index at %s; nothing is deleted"
              .formatted(id, directory.path()));
    }
  }

  private void addDocument(String id, String metadata, List<Passage> passages) {
    ids.require(id);
    if (deletions != null && deletions.survives(id)) {
      throw new TartanException(
          "document '%s' is in the index already: update it (upsert), or delete it first"
              .formatted(id));
    }
    SegmentWriter out = segment();
    out.addDocument(id, metadata);
    passages.forEach(p -> out.addPassage(p.doclen(), p.text(), p.span()));
  }

  private SegmentWriter segment() {
    SegmentWriter out = segment;
    if (out == null) {
      String name = "segment-" + directory.nextCommit();
      out = new SegmentWriter(directory.path(), name, options.storeText(), options.fields());
      if (options.keepEmbeddings()) {
        out.keepEmbeddings();
      }
      segment = out;
    }
    return out;
  }

  /**
   * Commits what was added and deleted.
   *
   * @return the new commit; the current one if nothing was added to it or deleted
   * @throws TartanException if a new index would have no token, or the disk fails; the previous
   *     commit then stands
   */
  public Manifest commit() {
    if (base != null && deletions != null) {
      return append(spool, base, deletions);
    }
    if (spool == null) {
      throw new TartanException(
          segment == null
              ? "the collection is empty: there is nothing to index"
              : "none of the %d documents has a token to index".formatted(segment.documents()));
    }
    return create(spool);
  }

  private Manifest append(@Nullable EmbeddingSource source, Snapshot before, Deletions gone) {
    Manifest last = before.manifest();
    if (segment == null && gone.documents() == 0) {
      return last;
    }
    List<Manifest.SegmentEntry> entries = new ArrayList<>(gone.write(directory));
    SegmentWriter out = segment;
    if (out != null) {
      out.startEmbeddings(before.codec());
      if (source != null && source.tokens() > 0) {
        compress(source, before.codec(), out);
      }
      entries.add(out.finish(before.codec(), last.codec()));
    }
    Manifest next = last.withSegments(entries);
    if (out != null) {
      next = next.withFields(out.schema());
    }
    directory.commit(next);
    return next;
  }

  /**
   * Commits embeddings that can be read at will, one passage a document.
   *
   * @param documentIds one a passage; null to number them from 0
   * @throws TartanException as {@link #commit()}, or if the ids do not fit
   */
  public Manifest commit(PassageSource source, @Nullable List<String> documentIds) {
    return commit(source, documentIds, null);
  }

  /**
   * The same with metadata.
   *
   * @param metadata one JSON object a passage, in their order; null for none
   * @throws TartanException also if there are more or fewer, or a value does not fit its field
   */
  public Manifest commit(
      PassageSource source,
      @Nullable List<String> documentIds,
      @Nullable Iterator<String> metadata) {
    if (documentIds != null && documentIds.size() != source.passages()) {
      throw new TartanException(
          "%d ids for %d passages; one a passage is needed"
              .formatted(documentIds.size(), source.passages()));
    }
    if (source.dim() != options.dim()) {
      throw new TartanException(
          "%s has dim %d; the index is to have %d"
              .formatted(source.name(), source.dim(), options.dim()));
    }
    for (int p = 0; p < source.passages(); p++) {
      String id = documentIds == null ? Integer.toString(p) : documentIds.get(p);
      String known = metadata == null ? "" : metadata.hasNext() ? metadata.next() : null;
      if (known == null) {
        throw new TartanException(
            "metadata of %d documents for %d passages; one a passage is needed"
                .formatted(p, source.passages()));
      }
      addDocument(id, known, List.of(new Passage(source.doclen(p), null)));
    }
    if (metadata != null && metadata.hasNext()) {
      throw new TartanException(
          "metadata of more documents than the %d passages; one a passage is needed"
              .formatted(source.passages()));
    }
    if (base != null && deletions != null) {
      return append(source, base, deletions);
    }
    if (source.tokens() == 0) {
      throw new TartanException(source.name() + " has no rows: there is nothing to index");
    }
    return create(source);
  }

  private Manifest create(EmbeddingSource source) {
    SegmentWriter out = segment();
    try (Arena arena = Arena.ofShared()) {
      ResidualCodec codec =
          new CodecTraining(backend, progress)
              .train(source, options.centroids(), options.codec(), options.nbits(), arena);
      out.startEmbeddings(codec);
      compress(source, codec, out);
      progress.stage("inverted lists", "lists", -1);
      Manifest.CodecEntry codecEntry =
          directory
              .writeCodec("codec-" + directory.nextCommit() + ".codec", codec)
              .withTraining(out.training());
      Manifest.SegmentEntry entry = out.finish(codec, codecEntry);
      Manifest manifest =
          Manifest.of(directory.nextCommit(), options.source(), List.of(codecEntry), List.of(entry))
              .withFields(out.schema());
      directory.commit(manifest);
      return manifest;
    }
  }

  private void compress(EmbeddingSource source, ResidualCodec codec, SegmentWriter out) {
    progress.stage("compressing", "tokens", source.tokens());
    try (ChunkReader reader = new ChunkReader(source)) {
      for (Matrix rows = reader.next(); rows != null; rows = reader.next()) {
        out.addEmbeddings(rows, codec, backend);
        progress.advance(rows.rows());
      }
    }
  }

  /** Lets the index go; what was not committed is removed. */
  @Override
  public void close() {
    try (IndexDirectory _ = directory;
        Snapshot _ = base;
        Deletions _ = deletions;
        SegmentWriter _ = segment;
        Spool _ = spool) {
      spool = null;
    }
  }
}
