package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexWriter.Passage;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is refused, in which words, and that a refusal costs nothing. */
class IndexWriterTest {
  private static final IndexOptions OPTIONS = IndexOptions.of(16, 2);

  @TempDir Path directory;
  private Path index = Path.of("");
  private Backend backend = Contenders.best(1);
  private final Arena arena = Arena.ofShared();

  @BeforeEach
  void setUp() {
    index = directory.resolve("index");
    TestIndex.write(index, OPTIONS, TestIndex.docs(1, 10, 16, 1));
  }

  @AfterEach
  void tearDown() {
    backend.close();
    arena.close();
  }

  @Test
  void aDuplicateId() {
    refused(
        writer -> {
          add(writer, "a", 1);
          add(writer, "b", 1);
          add(writer, "a", 1);
        },
        "duplicate id 'a': document 3");
  }

  @Test
  void aBlankId() {
    refused(writer -> add(writer, " ", 1), "document 1 has a blank id");
    refused(writer -> add(writer, "", 1), "document 1 has a blank id");
  }

  @Test
  void aRowWithoutDirection() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 0}) {
      Matrix rows = matrix(3);
      for (int d = 0; d < 16; d++) {
        rows.set(2, d, bad);
      }
      String why = bad == 0 ? "row 2 is all zeros" : "row 2 holds a NaN or infinity";
      refused(
          writer -> {
            writer.add("a", List.of(new Passage(3, null)), rows);
            writer.commit();
          },
          why);
    }
  }

  /** "of any length but zero": lengths that float16 does not hold are no exception. */
  @Test
  void rowsOfAnyLengthAreTaken() {
    List<Doc> docs = TestIndex.docs(7, 10, 16, 1);
    try (IndexWriter writer = writer(OPTIONS)) {
      for (int i = 0; i < docs.size(); i++) {
        float factor = i % 2 == 0 ? 1e-38f : 1e12f;
        float[][] rows = docs.get(i).passages().getFirst();
        for (float[] row : rows) {
          for (int d = 0; d < row.length; d++) {
            row[d] *= factor;
          }
        }
        TestIndex.add(writer, docs.get(i));
        writer.add("again" + i, List.of(new Passage(1, "", TestIndex.span(0))), matrix(1));
      }
      assertEquals(20, writer.commit().documents());
    }
    assertSound(20);
  }

  @Test
  void nothingToIndex() {
    refused(IndexWriter::commit, "the collection is empty");
    refused(
        writer -> {
          writer.add("a", List.of(new Passage(0, "")), null);
          writer.add("b", List.of(), null);
          writer.commit();
        },
        "none of the 2 documents has a token");
  }

  @Test
  void documentsWithoutTokensAreKept() {
    try (IndexWriter writer = writer(OPTIONS)) {
      writer.add("none", List.of(), null);
      writer.add("empty", List.of(new Passage(0, "nothing")), null);
      add(writer, "some", 2);
      writer.commit();
    }
    assertSound(3);
  }

  @Test
  void rowsThatDoNotFit() {
    try (IndexWriter writer = writer(OPTIONS)) {
      List<Passage> two = List.of(new Passage(2, null));
      assertThrows(IllegalArgumentException.class, () -> writer.add("a", two, matrix(3)));
      assertThrows(IllegalArgumentException.class, () -> writer.add("a", two, null));
      Matrix narrow = new Matrix(matrix(1).data(), 2, 8);
      assertThrows(IllegalArgumentException.class, () -> writer.add("a", two, narrow));
      writer.add("a", two, matrix(2)); // a refused document leaves no trace
      assertEquals(1, writer.commit().documents());
    }
    assertSound(1);
  }

  @Test
  void optionsThatCannotBe() {
    for (int dim : new int[] {0, 4, 12, 1032, -8}) {
      assertLine(() -> IndexOptions.of(dim, 2), "dim " + dim);
    }
    for (int nbits : new int[] {0, 5, 7, 32}) {
      assertLine(() -> IndexOptions.of(16, nbits), "nbits is " + nbits);
    }
    assertLine(
        () -> new IndexOptions(16, ResidualCodec.Kind.TARTAN, 2, -1, true, null, null, null),
        "-1 centroids");
  }

  @Test
  void aSecondWriterInThisProcess() {
    try (IndexWriter writer = writer(OPTIONS)) {
      for (int i = 0; i < 2; i++) {
        assertLine(() -> writer(OPTIONS).close(), "is being written");
      }
      assertOtherProcess("refused: " + index + " is being written by another process (pid ");
      add(writer, "a", 1);
      writer.commit();
    }
    assertOtherProcess("free");
  }

  /** Asks another process for the lock: that a second writer here was refused must not free it. */
  private void assertOtherProcess(String expected) {
    assertDoesNotThrow(
        () -> {
          Process child = Child.start(Child.TRY_LOCK, index);
          String said = new String(child.getInputStream().readAllBytes(), Child.CHARSET).strip();
          assertTrue(said.startsWith(expected), said);
          assertFalse(said.contains("\n"), said);
        });
  }

  @Test
  void aDirectoryThatCannotBe() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    index = file.resolve("index");
    assertLine(() -> writer(OPTIONS).close(), index.toString());
    index = file;
    assertLine(() -> writer(OPTIONS).close(), file.toString());
  }

  @Test
  void aNewCommitReplacesTheFilesOfTheLast() throws IOException {
    try (IndexWriter writer = writer(IndexOptions.of(16, 4))) {
      add(writer, "a", 5);
      assertEquals(2, writer.commit().commit());
    }
    assertSound(1);
  }

  /** Runs {@code work} on an index that has ten documents; they must still be all there is. */
  private void refused(Consumer<IndexWriter> work, String message) {
    assertLine(
        () -> {
          try (IndexWriter writer = writer(OPTIONS)) {
            work.accept(writer);
          }
        },
        message);
    assertSound(10);
  }

  private static void assertLine(Runnable work, String message) {
    TartanException e = assertThrows(TartanException.class, work::run);
    assertTrue(String.valueOf(e.getMessage()).contains(message), e.getMessage());
    assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
  }

  /** The index is whole, has so many documents, and no file that does not belong to it. */
  private void assertSound(int documents) {
    try (Snapshot snapshot = Snapshot.open(index);
        Stream<Path> files = Files.list(index)) {
      snapshot.verify();
      assertEquals(documents, snapshot.manifest().documents());
      TreeSet<String> expected = new TreeSet<>(snapshot.manifest().files());
      expected.addAll(List.of(Manifest.FILE, Manifest.COPY, "write.lock"));
      TreeSet<String> found =
          files.map(f -> f.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
      assertEquals(expected, found);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void add(IndexWriter writer, String id, int tokens) {
    writer.add(id, List.of(new Passage(tokens, null)), matrix(tokens));
  }

  private Matrix matrix(int rows) {
    return Matrix.of(arena, TestIndex.rows(new java.util.SplittableRandom(rows), rows, 16, null));
  }

  private IndexWriter writer(IndexOptions options) {
    return new IndexWriter(index, options, backend, Progress.NONE);
  }
}
