package dev.tartan.indexing;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.metadata.Schema;
import dev.tartan.segment.Component;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.SegmentWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what lives of some segments as one. Of the same codec, tokens are copied as they are
 * stored; else they are compressed again. Confined to one thread.
 */
final class SegmentMerger implements AutoCloseable {
  private static final long PIECE = 1 << 16;

  private final List<Segment> segments;
  private final LivingTokens tokens;
  private final Backend backend;
  private final Progress progress;
  private final SegmentWriter out;

  /** Writes segment {@code name} to {@code directory}. */
  SegmentMerger(
      Path directory, String name, List<Segment> segments, Backend backend, Progress progress) {
    this.segments = segments;
    this.backend = backend;
    this.progress = progress;
    int dim = segments.getFirst().codec().dim();
    this.tokens = new LivingTokens(segments, dim, backend);
    boolean withText = segments.stream().anyMatch(s -> s.has(Component.TEXT));
    this.out = new SegmentWriter(directory, name, withText, fields(segments));
    if (segments.stream().allMatch(s -> s.has(Component.EMBEDDINGS))) {
      out.keepEmbeddings();
    }
  }

  private static Schema fields(List<Segment> segments) {
    Schema fields = Schema.EMPTY;
    for (Segment segment : segments) {
      fields = fields.declaring(segment.columns().schema());
    }
    return fields;
  }

  LivingTokens tokens() {
    return tokens;
  }

  /** How near the tokens were to their centroids; they were compressed again. */
  Manifest.Training training() {
    return out.training();
  }

  /** Copies all as it is stored. All segments have this codec. */
  Manifest.SegmentEntry copy(ResidualCodec codec, Manifest.CodecEntry entry) {
    progress.stage("merging", "tokens", tokens.tokens());
    documents();
    out.startEmbeddings(codec);
    for (LivingTokens.Run run : tokens.runs()) {
      for (long done = 0; done < run.count(); done += PIECE) {
        long n = Math.min(PIECE, run.count() - done);
        copy(run.segment(), run.first() + done, n);
        progress.advance(n);
      }
    }
    return out.finish(codec, entry).withFit(fit());
  }

  private void copy(Segment segment, long first, long count) {
    out.addStored(
        segment.rows(Component.CODES, first, count),
        rows(segment, Component.RESIDUALS, first, count),
        rows(segment, Component.FACTORS, first, count),
        keeps() ? rows(segment, Component.EMBEDDINGS, first, count) : null);
  }

  private boolean keeps() {
    return segments.stream().allMatch(s -> s.has(Component.EMBEDDINGS));
  }

  private static @Nullable MemorySegment rows(
      Segment segment, Component component, long first, long count) {
    return segment.has(component) ? segment.rows(component, first, count) : null;
  }

  /** The mean over the tokens, where it is known of all. */
  private Manifest.@Nullable Fit fit() {
    double residual = 0;
    double outliers = 0;
    for (Segment segment : segments) {
      Manifest.Fit fit = segment.entry().fit();
      if (fit == null) {
        return null;
      }
      double share = (double) segment.entry().livingTokens() / Math.max(1, tokens.tokens());
      residual += share * fit.residual();
      outliers += share * fit.outliers();
    }
    return new Manifest.Fit(residual, outliers);
  }

  /** Compresses all again. */
  void compress(ResidualCodec codec) {
    documents();
    out.startEmbeddings(codec);
    progress.stage("compressing", "tokens", tokens.tokens());
    if (tokens.tokens() > 0) {
      try (ChunkReader reader = new ChunkReader(tokens)) {
        for (Matrix rows = reader.next(); rows != null; rows = reader.next()) {
          out.addEmbeddings(rows, codec, backend);
          progress.advance(rows.rows());
        }
      }
    }
  }

  /** Completes what {@link #compress} has written. */
  Manifest.SegmentEntry finish(ResidualCodec codec, Manifest.CodecEntry entry) {
    return out.finish(codec, entry);
  }

  private void documents() {
    boolean spans = segments.stream().allMatch(s -> s.has(Component.SPANS));
    for (Segment segment : segments) {
      int last = -1;
      for (int p = 0; p < segment.passages(); p++) {
        int document = segment.document(p);
        for (int d = last + 1; d <= document; d++) {
          addDocument(segment, d); // also those without a passage
        }
        last = document;
        if (segment.isLive(document)) {
          out.addPassage(segment.doclen(p), segment.text(p), spans ? segment.span(p) : null);
        }
      }
      for (int d = last + 1; d < segment.documents(); d++) {
        addDocument(segment, d);
      }
    }
  }

  private void addDocument(Segment segment, int document) {
    if (segment.isLive(document)) {
      out.addDocument(segment.id(document), segment.metadata(document));
    }
  }

  @Override
  public void close() {
    out.close();
  }
}
