package dev.tartan.indexing;

import dev.tartan.codec.CodecTrainer;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Span;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.SegmentWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Builds an index, or replaces what one holds, in one commit. Holds the index's lock from creation
 * to close; until {@link #commit} returns, readers see the previous commit, and so they do if this
 * process dies. Memory is bounded by the codec's sample. Confined to one thread; the backend's
 * workers help.
 */
public final class IndexWriter implements AutoCloseable {
  private final IndexDirectory directory;
  private final IndexOptions options;
  private final Backend backend;
  private final Progress progress;
  private final SegmentWriter segment;
  private final IdSet ids = new IdSet();
  private @Nullable Spool spool;

  /**
   * Locks {@code path}, which is created if need be.
   *
   * @throws TartanException if another writer holds it, or it cannot be written
   */
  public IndexWriter(Path path, IndexOptions options, Backend backend, Progress progress) {
    this.directory = IndexDirectory.open(path);
    this.options = options;
    this.backend = backend;
    this.progress = progress;
    try {
      this.segment =
          new SegmentWriter(path, "segment-" + directory.nextCommit(), options.storeText());
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
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
    long tokens = passages.stream().mapToLong(Passage::doclen).sum();
    if (tokens != (rows == null ? 0 : rows.rows())) {
      throw new IllegalArgumentException("the doclens do not sum to the rows");
    }
    if (rows == null) {
      addDocument(id, passages);
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
      addDocument(id, passages);
      if (spool == null) {
        Path path = directory.path().resolve("spool-" + directory.nextCommit() + ".npy");
        spool = new Spool(path, options.dim());
      }
      spool.add(unit);
    }
  }

  private void addDocument(String id, List<Passage> passages) {
    ids.require(id);
    segment.addDocument(id);
    passages.forEach(p -> segment.addPassage(p.doclen(), p.text(), p.span()));
  }

  /**
   * Commits the documents that were added.
   *
   * @return the new commit
   * @throws TartanException if there is no token to index, or the disk fails; the previous commit
   *     then stands
   */
  public Manifest commit() {
    if (spool == null) {
      throw new TartanException(
          segment.documents() == 0
              ? "the collection is empty: there is nothing to index"
              : "none of the %d documents has a token to index".formatted(segment.documents()));
    }
    return commit(spool);
  }

  /**
   * Commits embeddings that can be read at will, one passage a document.
   *
   * @param documentIds one a passage; null to number them from 0
   * @throws TartanException as {@link #commit()}, or if the ids do not fit
   */
  public Manifest commit(PassageSource source, @Nullable List<String> documentIds) {
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
      addDocument(id, List.of(new Passage(source.doclen(p), null)));
    }
    if (source.tokens() == 0) {
      throw new TartanException(source.name() + " has no rows: there is nothing to index");
    }
    return commit((EmbeddingSource) source);
  }

  private Manifest commit(EmbeddingSource source) {
    try (Arena arena = Arena.ofShared()) {
      ResidualCodec codec = train(source, arena);
      segment.startEmbeddings(codec);
      compress(source, codec);
      progress.stage("inverted lists", "lists", -1);
      Manifest.CodecEntry codecEntry =
          directory
              .writeCodec("codec-" + directory.nextCommit() + ".codec", codec)
              .withTraining(segment.training());
      Manifest.SegmentEntry entry = segment.finish(codec, codecEntry);
      Manifest manifest = manifest(entry, codecEntry);
      directory.commit(manifest);
      return manifest;
    }
  }

  private ResidualCodec train(EmbeddingSource source, Arena arena) {
    int centroids =
        options.centroids() > 0
            ? options.centroids()
            : CodecTrainer.defaultCentroids(source.tokens());
    long wanted = (long) centroids * CodecTrainer.ROWS_PER_CENTROID;
    try (Arena sampleArena = Arena.ofShared()) {
      Matrix sample = Sample.draw(source, Math.min(source.tokens(), wanted), sampleArena, progress);
      return new CodecTrainer(backend, progress)
          .train(sample, centroids, options.codec(), options.nbits(), arena);
    }
  }

  private void compress(EmbeddingSource source, ResidualCodec codec) {
    progress.stage("compressing", "tokens", source.tokens());
    try (ChunkReader reader = new ChunkReader(source)) {
      for (Matrix rows = reader.next(); rows != null; rows = reader.next()) {
        segment.addEmbeddings(rows, codec, backend);
        progress.advance(rows.rows());
      }
    }
  }

  private Manifest manifest(Manifest.SegmentEntry entry, Manifest.CodecEntry codec) {
    return Manifest.of(
        directory.nextCommit(),
        new Manifest.Source(
            options.model(), options.language(), options.dim(), options.split(), options.pooling()),
        List.of(codec),
        List.of(entry));
  }

  /** Lets the index go; what was not committed is removed. */
  @Override
  public void close() {
    try (IndexDirectory _ = directory;
        SegmentWriter _ = segment;
        Spool _ = spool) {
      spool = null;
    }
  }
}
