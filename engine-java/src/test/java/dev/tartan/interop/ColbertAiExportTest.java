package dev.tartan.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is exported is what was imported. */
class ColbertAiExportTest {
  static final List<String> STATES = ForeignIndexes.STATES;

  @TempDir Path directory;

  @ParameterizedTest
  @FieldSource("STATES")
  void thereAndBackIsTheSame(String state) throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    Path index = directory.resolve("imported");
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    Path exported = directory.resolve("exported");
    try (Snapshot snapshot = Snapshot.open(index)) {
      ColbertAiExport.Result result = ColbertAiExport.run(snapshot, exported, 30, Progress.NONE);
      assertEquals(snapshot.manifest().passages(), result.passages());
      assertEquals(snapshot.manifest().tokens(), result.tokens());
    }
    Path again = directory.resolve("again");
    IndexImport.run(exported, again, ImportOptions.DEFAULT, Progress.NONE);
    try (Snapshot first = Snapshot.open(index);
        Snapshot second = Snapshot.open(again)) {
      second.verify();
      assertEquals(first.manifest().model(), second.manifest().model());
      assertEquals(
          -1, first.codec().centroids().data().mismatch(second.codec().centroids().data()));
      assertEquals(-1, first.codec().cutoffs().mismatch(second.codec().cutoffs()));
      assertEquals(-1, first.codec().weights().mismatch(second.codec().weights()));
      assertSame(first.segments().getFirst(), second.segments().getFirst());
    }
  }

  private static void assertSame(Segment first, Segment second) {
    assertEquals(first.passages(), second.passages());
    for (Component component : List.of(Component.CODES, Component.RESIDUALS, Component.FACTORS)) {
      long n = first.tokens();
      assertEquals(-1, first.rows(component, 0, n).mismatch(second.rows(component, 0, n)));
    }
    for (int p = 0; p < first.passages(); p++) {
      assertEquals(first.doclen(p), second.doclen(p));
      assertEquals(first.id(first.document(p)), second.id(second.document(p)));
      assertEquals(
          first.metadata(first.document(p)), second.metadata(second.document(p)), "passage " + p);
    }
  }

  /** The factors that an import computes are those that compress made. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void anIndexOfOursComesBackWithItsFactors(int nbits) {
    Path index = directory.resolve("index");
    IndexOptions options =
        new IndexOptions(64, ResidualCodec.Kind.COLBERTV2, nbits, 0, false, null, null, null);
    TestIndex.write(index, options, TestIndex.docs(3, 60, 64, 1));
    Path exported = directory.resolve("exported");
    Path again = directory.resolve("again");
    try (Snapshot snapshot = Snapshot.open(index)) {
      ColbertAiExport.run(snapshot, exported, Progress.NONE);
      IndexImport.run(exported, again, ImportOptions.DEFAULT, Progress.NONE);
      try (Snapshot imported = Snapshot.open(again)) {
        assertNull(imported.manifest().model());
        assertSame(snapshot.segments().getFirst(), imported.segments().getFirst());
      }
    }
  }

  @Test
  void whatLivesInSeveralSegmentsBecomesOneIndex() {
    Path index = directory.resolve("index");
    IndexOptions options =
        new IndexOptions(16, ResidualCodec.Kind.COLBERTV2, 2, 0, true, "some/model", null, null);
    TestIndex.write(index, options, TestIndex.docs(1, 40, 16, 3));
    try (Backend backend = Contenders.best(2);
        IndexWriter writer = IndexWriter.append(index, backend, Progress.NONE)) {
      TestIndex.docs(2, 20, 16, 3).forEach(doc -> TestIndex.add(writer, doc));
      List.of(0, 7, 8, 39).forEach(i -> assertTrue(writer.delete("döc-1-" + i)));
      writer.commit();
    }
    Path exported = directory.resolve("exported");
    Path again = directory.resolve("again");
    try (Snapshot snapshot = Snapshot.open(index)) {
      ColbertAiExport.run(snapshot, exported, 25, Progress.NONE);
      IndexImport.Result result =
          IndexImport.run(exported, again, ImportOptions.DEFAULT, Progress.NONE);
      try (Snapshot imported = Snapshot.open(again)) {
        imported.verify();
        Segment joined = imported.segments().getFirst();
        int next = 0;
        for (Segment segment : snapshot.segments()) {
          for (int p = 0; p < segment.passages(); p++) {
            if (segment.isLive(segment.document(p)) && segment.doclen(p) > 0) {
              assertEquals(segment.doclen(p), joined.doclen(next));
              assertEquals(segment.text(p), joined.text(next));
              assertEquals(segment.id(segment.document(p)), joined.id(joined.document(next)));
              next++;
            }
          }
        }
        assertEquals(next, joined.passages());
        assertEquals(snapshot.manifest().passages() - next, (long) result.withoutTokens());
        assertEquals(56, joined.documents());
      }
    }
  }

  @Test
  void refusesWhatColbertAiCannotRead() throws IOException {
    Path index = directory.resolve("index");
    TestIndex.write(index, IndexOptions.of(16, 2), TestIndex.docs(1, 5, 16, 1));
    Path to = directory.resolve("to");
    try (Snapshot snapshot = Snapshot.open(index)) {
      assertEquals(
          "the index at %s has codec tartan at 2 bits; colbert-ai reads colbertv2 at 1, 2, 4 or 8: index with --codec colbertv2 to export"
              .formatted(index),
          message(snapshot, to));
    }
    IndexOptions options =
        new IndexOptions(16, ResidualCodec.Kind.COLBERTV2, 2, 0, true, null, null, null);
    Path other = directory.resolve("other");
    TestIndex.write(other, options, TestIndex.docs(1, 5, 16, 1));
    Path mixed = directory.resolve("mixed");
    TestIndex.write(mixed, options, TestIndex.docs(1, 5, 16, 1));
    TestIndex.writeSegment(mixed, TestIndex.docs(2, 5, 16, 1), options);
    try (Snapshot snapshot = Snapshot.open(mixed)) {
      assertEquals(
          "the index at %s holds segments of 2 codecs, colbert-ai has one; give it one codec with 'tartan compact --retrain' first"
              .formatted(mixed),
          message(snapshot, to));
    }
    Files.createDirectories(to.resolve("something"));
    try (Snapshot snapshot = Snapshot.open(other)) {
      assertEquals(to + " is not empty; name a new folder", message(snapshot, to));
    }
  }

  private static String message(Snapshot snapshot, Path to) {
    return String.valueOf(
        assertThrows(TartanException.class, () -> ColbertAiExport.run(snapshot, to, Progress.NONE))
            .getMessage());
  }
}
