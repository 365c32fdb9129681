package dev.tartan.segment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.codec.Rotation;
import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.encode.TokenPooling;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written comes back, and lies where the format document says. */
class SegmentFormatTest {
  @TempDir Path directory;

  @Test
  void documentsComeBack() {
    List<Doc> docs = TestIndex.docs(1, 50, 16, 3);
    TestIndex.write(directory, IndexOptions.of(16, 2), docs);
    try (Snapshot snapshot = Snapshot.open(directory)) {
      snapshot.verify();
      Segment segment = snapshot.segments().getFirst();
      assertEquals(50, segment.documents());
      assertEquals(snapshot.manifest().passages(), segment.passages());
      int passage = 0;
      long token = 0;
      for (int d = 0; d < 50; d++) {
        assertEquals(docs.get(d).id(), segment.id(d));
        for (int p = 0; p < docs.get(d).passages().size(); p++) {
          assertEquals(d, segment.document(passage));
          assertEquals(docs.get(d).passages().get(p).length, segment.doclen(passage));
          assertEquals(token, segment.firstToken(passage));
          assertEquals(TestIndex.text(docs.get(d), p), segment.text(passage));
          assertEquals(TestIndex.span(p), segment.span(passage));
          assertEquals(p, segment.numberInDocument(passage));
          token += segment.doclen(passage++);
        }
      }
      assertEquals(token, segment.tokens());
    }
  }

  @Test
  void codesAreTheNearestCentroidsAndListsTheirPassages() {
    List<Doc> docs = TestIndex.docs(2, 30, 16, 2);
    TestIndex.write(directory, IndexOptions.of(16, 4), docs);
    List<float[]> tokens =
        docs.stream().flatMap(d -> d.passages().stream()).flatMap(Arrays::stream).toList();
    try (Snapshot snapshot = Snapshot.open(directory);
        Backend backend = Contenders.best(1);
        Arena arena = Arena.ofShared()) {
      Segment segment = snapshot.segments().getFirst();
      Matrix directions = snapshot.codec().directions(backend, arena);
      short[] codes = array(Component.CODES).toArray(Layouts.U16);
      assertEquals(tokens.size(), codes.length);
      List<TreeSet<Integer>> lists = new ArrayList<>();
      for (int c = 0; c < snapshot.codec().centroids().rows(); c++) {
        lists.add(new TreeSet<>());
      }
      for (int p = 0; p < segment.passages(); p++) {
        for (int t = 0; t < segment.doclen(p); t++) {
          int token = (int) segment.firstToken(p) + t;
          assertEquals(nearest(tokens.get(token), directions), codes[token], "token " + token);
          lists.get(codes[token]).add(p);
        }
      }
      int[] lengths = lists.stream().mapToInt(Set::size).toArray();
      int[] passages = lists.stream().flatMap(Set::stream).mapToInt(p -> p).toArray();
      assertArrayEquals(lengths, array(Component.LIST_LENGTHS).toArray(Layouts.I32));
      assertArrayEquals(passages, array(Component.LISTS).toArray(Layouts.I32));
    }
  }

  private static int nearest(float[] token, Matrix centroids) {
    double best = -2;
    int code = -1;
    for (int c = 0; c < centroids.rows(); c++) {
      double dot = 0;
      for (int d = 0; d < token.length; d++) {
        // the writer rounds what it spools to float16
        double value = Float.float16ToFloat(Float.floatToFloat16(token[d]));
        dot += value * centroids.get(c, d);
      }
      if (dot > best) {
        best = dot;
        code = c;
      }
    }
    return code;
  }

  private MemorySegment array(Component component) {
    byte[] bytes = read("segment-1." + component.extension());
    return MemorySegment.ofArray(Arrays.copyOfRange(bytes, 64, bytes.length));
  }

  private byte[] read(String file) {
    try {
      return Files.readAllBytes(directory.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The doclens 3, 0 and 258, byte by byte as the package documentation has it. */
  @Test
  void oneFileToTheByte() {
    float[][] none = new float[0][];
    List<float[][]> passages = List.of(new float[3][], none, new float[258][]);
    for (float[][] rows : passages) {
      System.arraycopy(
          TestIndex.rows(new SplittableRandom(1), rows.length, 8, null), 0, rows, 0, rows.length);
    }
    TestIndex.write(directory, IndexOptions.of(8, 2), List.of(new Doc("a", passages)));
    byte[] array = {3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0};
    ByteBuffer expected = ByteBuffer.allocate(76).order(ByteOrder.LITTLE_ENDIAN);
    expected.put("TARTAN\r\n".getBytes(StandardCharsets.US_ASCII));
    expected.putInt(8, 1).putInt(12, 6).putInt(16, 3).putLong(24, 3).putLong(32, 4);
    expected.putInt(40, crc(array, 0, 12)).put(64, array);
    expected.putInt(44, crc(expected.array(), 0, 64));
    assertArrayEquals(expected.array(), read("segment-1.doclens"));
  }

  private static int crc(byte[] bytes, int first, int count) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, first, count);
    return (int) crc.getValue();
  }

  @Test
  void theCodecFileHasPaddedTablesThenRotationThenCentroids() {
    TestIndex.write(directory, IndexOptions.of(8, 4), TestIndex.docs(4, 20, 8, 1));
    try (Snapshot snapshot = Snapshot.open(directory)) {
      byte[] file = read("codec-1.codec");
      MemorySegment rows = MemorySegment.ofArray(Arrays.copyOfRange(file, 64, file.length));
      assertEquals(-1, snapshot.codec().cutoffs().mismatch(rows.asSlice(0, 60)));
      assertEquals(
          0, rows.get(ValueLayout.JAVA_INT_UNALIGNED, 60), "15 cutoffs fill two rows of 8");
      assertEquals(-1, snapshot.codec().weights().mismatch(rows.asSlice(64, 64)));
      Rotation rotation = Objects.requireNonNull(snapshot.codec().rotation());
      assertTrue(snapshot.manifest().codec().rotation());
      assertEquals(-1, rotation.embeddings().data().mismatch(rows.asSlice(128, 256)));
      assertEquals(-1, rotation.queries().data().mismatch(rows.asSlice(384, 256)));
      assertEquals(-1, snapshot.codec().centroids().data().mismatch(rows.asSlice(640)));
    }
  }

  @Test
  void embeddingsOnDiskAreIndexedAsThoseThatAreAdded() {
    List<Doc> docs = TestIndex.docs(5, 40, 16, 1);
    Path added = directory.resolve("added");
    TestIndex.write(added, IndexOptions.of(16, 2), docs);
    List<String> ids = docs.stream().map(Doc::id).toList();
    for (DType type : List.of(DType.F16, DType.F32)) {
      Path path = directory.resolve("npy-" + type);
      try (Backend backend = Contenders.best(1);
          NpyEmbeddings source = TestIndex.npy(directory, type, docs);
          IndexWriter writer =
              new IndexWriter(path, IndexOptions.of(16, 2), backend, Progress.NONE)) {
        writer.commit(source, ids);
      }
      try (Snapshot a = Snapshot.open(added);
          Snapshot b = Snapshot.open(path)) {
        b.verify();
        assertEquals(a.manifest().tokens(), b.manifest().tokens());
        assertEquals("döc-5-39", b.segments().getFirst().id(39));
        assertEquals(a.segments().getFirst().doclen(39), b.segments().getFirst().doclen(39));
      }
      if (type == DType.F16) { // then the same bits come in, so the same bits go out
        assertEquals(-1, mismatch(added, path, "segment-1.residuals"));
        assertEquals(-1, mismatch(added, path, "codec-1.codec"));
      }
    }
  }

  private static long mismatch(Path a, Path b, String file) {
    try {
      return Files.mismatch(a.resolve(file), b.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void textsThatAreNotStoredAreNull() {
    Splitting split = Splitting.of(180);
    IndexOptions options =
        new IndexOptions(16, ResidualCodec.Kind.COLBERTV2, 2, 4, false, "a model", null, split);
    TestIndex.write(directory, options, TestIndex.docs(3, 5, 16, 1));
    try (Snapshot snapshot = Snapshot.open(directory)) {
      assertNull(snapshot.segments().getFirst().text(0));
      assertEquals("a model", snapshot.manifest().model());
      assertEquals(180, snapshot.manifest().split());
      assertEquals(split, snapshot.manifest().splitting());
      assertEquals(4, snapshot.codec().centroids().rows());
    }
  }

  @Test
  void howDocumentsWereSplitAndPooledComesBack() {
    Splitting split = new Splitting(64, 16, Splitting.Unit.SENTENCES);
    TestIndex.write(
        directory,
        new IndexOptions(16, ResidualCodec.Kind.TARTAN, 2, 4, true, null, null, split)
            .withPooling(new TokenPooling(3, 2)),
        TestIndex.docs(3, 5, 16, 1));
    assertEquals(new TokenPooling(3, 2), Manifest.read(directory).tokenPooling());
    assertEquals(
        new TokenPooling(3, 2), Manifest.read(directory).withSearch(List.of()).tokenPooling());
    assertEquals(split, Manifest.read(directory).splitting());
    assertEquals(split, Manifest.read(directory).withSearch(List.of()).splitting());
  }

  /** As in indexes of earlier builds: segments that say nothing of spans. */
  @Test
  void aSegmentWithoutSpansIsRead() {
    TestIndex.write(directory, IndexOptions.of(16, 2), TestIndex.docs(1, 5, 16, 2));
    try (Backend backend = Contenders.best(1);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      writer.add("bare", List.of(new IndexWriter.Passage(0, "text")), null);
      writer.commit();
    }
    try (Snapshot snapshot = Snapshot.open(directory)) {
      snapshot.verify();
      assertEquals(TestIndex.span(0), snapshot.segments().get(0).span(0));
      assertNull(snapshot.segments().get(1).span(0));
      assertEquals(0, snapshot.segments().get(1).numberInDocument(0));
    }
  }

  @Test
  void spansThatDoNotFollowEachOtherAreDamage() {
    for (List<Span> wrong :
        List.of(
            List.of(new Span(5, 9), new Span(4, 12)), List.of(new Span(5, 9), new Span(6, 8)))) {
      Path path = directory.resolve(wrong.toString());
      float[][] row = TestIndex.rows(new SplittableRandom(1), 1, 8, null);
      try (Backend backend = Contenders.best(1);
          IndexWriter writer =
              new IndexWriter(path, IndexOptions.of(8, 2), backend, Progress.NONE);
          Arena arena = Arena.ofConfined()) {
        writer.add(
            "a",
            wrong.stream().map(span -> new IndexWriter.Passage(1, "text", span)).toList(),
            Matrix.of(arena, new float[][] {row[0], row[0]}));
        writer.commit();
      }
      try (Snapshot snapshot = Snapshot.open(path)) {
        TartanException e = assertThrows(TartanException.class, snapshot::verify);
        assertTrue(String.valueOf(e.getMessage()).contains("segment-1.spans"), e.getMessage());
      }
    }
  }

  @Test
  void spansAreOfAllPassagesOrOfNone() {
    try (Backend backend = Contenders.best(1);
        IndexWriter writer =
            new IndexWriter(directory, IndexOptions.of(8, 2), backend, Progress.NONE)) {
      writer.add("a", List.of(new IndexWriter.Passage(0, "a", new Span(0, 1))), null);
      assertThrows(
          IllegalArgumentException.class,
          () -> writer.add("b", List.of(new IndexWriter.Passage(0, "b")), null));
    }
  }
}
