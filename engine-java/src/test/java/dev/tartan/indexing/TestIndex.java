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
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
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

  /** Adds {@code docs} to an index that there is, as a segment more. */
  public static Manifest add(Path directory, List<Doc> docs) {
    try (Backend backend = Contenders.best(2);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      docs.forEach(doc -> add(writer, doc));
      return writer.commit();
    }
  }

  /** Updates documents of an index, or adds them. */
  public static Manifest update(Path directory, List<Doc> docs) {
    try (Backend backend = Contenders.best(2);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      docs.forEach(
          doc -> {
            writer.delete(doc.id);
            add(writer, doc);
          });
      return writer.commit();
    }
  }

  /** Deletes documents, which must be there, and adds others, in one commit. */
  public static Manifest change(Path directory, List<String> gone, List<Doc> added) {
    try (Backend backend = Contenders.best(2);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      for (String id : gone) {
        if (!writer.delete(id)) {
          throw new IllegalStateException(id + " is not there");
        }
      }
      added.forEach(doc -> add(writer, doc));
      return writer.commit();
    }
  }

  /** Adds a segment of {@code docs} whose codec is trained for them alone. */
  public static Manifest writeSegment(Path directory, List<Doc> docs, IndexOptions options) {
    Path aside = directory.resolveSibling(directory.getFileName() + "-aside");
    Manifest other = write(aside, options, docs);
    try (IndexDirectory writer = IndexDirectory.open(directory)) {
      Manifest last = Manifest.read(directory);
      String name = "segment-" + writer.nextCommit();
      Manifest.SegmentEntry entry = other.segments().getFirst();
      for (String component : entry.components()) {
        Files.copy(
            aside.resolve(entry.name() + "." + component),
            directory.resolve(name + "." + component));
      }
      String codec = "codec-" + writer.nextCommit() + ".codec";
      Files.copy(aside.resolve(other.codec().file()), directory.resolve(codec));
      Manifest.CodecEntry old = other.codec();
      List<Manifest.SegmentEntry> segments = new ArrayList<>(last.segments());
      segments.add(
          new Manifest.SegmentEntry(
              name,
              entry.documents(),
              entry.passages(),
              entry.tokens(),
              entry.components(),
              codec,
              null,
              null));
      Manifest next =
          last.withCodec(
              new Manifest.CodecEntry(
                  codec, old.kind(), old.nbits(), old.centroids(), old.rotation(), null),
              segments);
      writer.commit(next);
      return next;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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
