package dev.tartan.indexing;

import dev.tartan.collection.Span;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexWriter.Passage;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import dev.tartan.memory.Progress;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.SegmentWriter;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Documents with clustered random token embeddings, and indexes of them. */
public final class TestIndex {
  /** A document: its id and the embeddings of its passages, each with a text. */
  public record Doc(String id, List<float[][]> passages) {}

  private TestIndex() {}

  /**
   * {@code n} documents of 1 to 3 passages of 0 to 12 tokens; the first passage is never empty.
   * Tokens lie around 20 directions, as those of a language do.
   */
  public static List<Doc> docs(long seed, int n, int dim, int mostPassages) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] centers = rows(new SplittableRandom(99), 20, dim, null);
    List<Doc> docs = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      List<float[][]> passages = new ArrayList<>();
      int count = 1 + random.nextInt(mostPassages);
      for (int p = 0; p < count; p++) {
        int tokens = p == 0 ? 1 + random.nextInt(12) : random.nextInt(12);
        passages.add(rows(random, tokens, dim, centers));
      }
      docs.add(new Doc("döc-" + seed + "-" + i, passages));
    }
    return docs;
  }

  /** Unit rows, around some of {@code centers} if there are any. */
  public static float[][] rows(
      SplittableRandom random, int n, int dim, float @Nullable [][] centers) {
    float[][] rows = new float[n][dim];
    for (float[] row : rows) {
      float[] center = centers == null ? row : centers[random.nextInt(centers.length)];
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        row[d] = center[d] + (float) (random.nextGaussian() * (centers == null ? 1 : 0.08));
        squares += row[d] * row[d];
      }
      for (int d = 0; d < dim; d++) {
        row[d] /= (float) Math.sqrt(squares);
      }
    }
    return rows;
  }

  /** Indexes {@code docs} in one commit. */
  public static Manifest write(Path directory, IndexOptions options, List<Doc> docs) {
    try (Backend backend = Contenders.best(2);
        IndexWriter writer = new IndexWriter(directory, options, backend, Progress.NONE)) {
      docs.forEach(doc -> add(writer, doc));
      return writer.commit();
    }
  }

  /** Commits a segment more, of {@code docs}, to an index that there is; with the same codec. */
  public static Manifest writeSegment(Path directory, List<Doc> docs) {
    try (Backend backend = Contenders.best(2);
        IndexDirectory writer = IndexDirectory.open(directory);
        Snapshot snapshot = Snapshot.open(directory);
        SegmentWriter segment =
            new SegmentWriter(directory, "segment-" + writer.nextCommit(), true);
        Arena arena = Arena.ofConfined()) {
      List<float[]> all = new ArrayList<>();
      for (Doc doc : docs) {
        segment.addDocument(doc.id);
        for (int p = 0; p < doc.passages.size(); p++) {
          segment.addPassage(doc.passages.get(p).length, text(doc, p), null);
          all.addAll(List.of(doc.passages.get(p)));
        }
      }
      segment.startEmbeddings(snapshot.codec());
      segment.addEmbeddings(matrix(arena, all), snapshot.codec(), backend);
      Manifest last = snapshot.manifest();
      List<Manifest.SegmentEntry> segments = new ArrayList<>(last.segments());
      segments.add(segment.finish(snapshot.codec(), last.codec()));
      Manifest next = last.withSegments(segments);
      writer.commit(next);
      return next;
    }
  }

  /** Adds one document. */
  public static void add(IndexWriter writer, Doc doc) {
    List<Passage> passages = new ArrayList<>();
    List<float[]> all = new ArrayList<>();
    for (float[][] rows : doc.passages) {
      int p = passages.size();
      passages.add(new Passage(rows.length, text(doc, p), span(p)));
      all.addAll(List.of(rows));
    }
    try (Arena arena = Arena.ofConfined()) {
      writer.add(doc.id, passages, all.isEmpty() ? null : matrix(arena, all));
    }
  }

  /** The text of a passage. */
  public static String text(Doc doc, int passage) {
    return "Text " + passage + " of " + doc.id;
  }

  /** What of the document's text a passage is said to be. */
  public static Span span(int passage) {
    return new Span(20 * passage, 20 * passage + 30);
  }

  private static Matrix matrix(Arena arena, List<float[]> rows) {
    return Matrix.of(arena, rows.toArray(new float[0][]));
  }

  /** The embeddings and the doclens of the documents' passages as two NPY files. */
  public static NpyEmbeddings npy(Path directory, DType type, List<Doc> docs) {
    Path rows = directory.resolve("rows.npy");
    Path doclens = directory.resolve("doclens.npy");
    try (NpyWriter out = new NpyWriter(rows, type, docs.getFirst().passages.getFirst()[0].length);
        NpyWriter lengths = new NpyWriter(doclens, DType.I32);
        Arena arena = Arena.ofConfined()) {
      for (Doc doc : docs) {
        for (float[][] passage : doc.passages) {
          lengths.writeInt(passage.length);
          if (passage.length > 0) {
            out.writeRows(Matrix.of(arena, passage));
          }
        }
      }
    }
    return new NpyEmbeddings(rows, doclens);
  }
}
