package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adding to an index, updating and deleting: what is there afterwards, and what is refused. */
class AppendTest {
  private static final int DIM = 16;

  @TempDir Path directory;

  @Test
  void addedUpdatedAndDeleted() {
    List<Doc> docs = TestIndex.docs(1, 30, DIM, 3);
    write(docs.subList(0, 20));
    assertEquals(2, TestIndex.add(directory, docs.subList(20, 25)).commit());
    assertTexts(docs.subList(0, 25));
    Manifest third =
        TestIndex.change(
            directory, List.of(docs.get(0).id(), docs.get(22).id()), docs.subList(25, 30));
    assertEquals(3, third.commit());
    assertEquals(28, third.documents());
    Map<String, Doc> living = byId(docs);
    living.remove(docs.get(0).id());
    living.remove(docs.get(22).id());
    assertTexts(List.copyOf(living.values()));
    Doc changed = new Doc(docs.get(3).id(), TestIndex.docs(2, 1, DIM, 1).getFirst().passages());
    Doc back = docs.getFirst();
    assertEquals(29, TestIndex.update(directory, List.of(changed, back)).documents());
    living.put(changed.id(), changed);
    living.put(back.id(), back);
    assertTexts(List.copyOf(living.values()));
    assertEquals(1, Manifest.read(directory).codecs().size());
  }

  @Test
  void anIdIsFoundWhileItLives() {
    List<Doc> docs = TestIndex.docs(3, 300, DIM, 2);
    write(docs.subList(0, 250));
    TestIndex.change(directory, List.of(docs.get(7).id()), docs.subList(250, 300));
    try (Snapshot snapshot = Snapshot.open(directory)) {
      for (int i = 0; i < 300; i++) {
        Snapshot.Place place = snapshot.find(docs.get(i).id());
        if (i == 7) {
          assertNull(place);
        } else {
          assertNotNull(place, docs.get(i).id());
          Segment segment = snapshot.segments().get(place.segment());
          assertEquals(docs.get(i).id(), segment.id(place.document()));
          int first = segment.firstPassage(place.document());
          assertEquals(place.document(), segment.document(first));
          assertTrue(first == 0 || segment.document(first - 1) < place.document());
        }
      }
      assertNull(snapshot.find("nobody"));
      assertNull(snapshot.find(""));
    }
  }

  /** Files are never changed, so that a copy of all of them is a backup, also while one reads. */
  @Test
  void aCopyMadeWhileAReaderIsOpenIsABackup() throws IOException {
    List<Doc> docs = TestIndex.docs(7, 20, DIM, 2);
    write(docs.subList(0, 15));
    TestIndex.change(directory, List.of(docs.get(2).id()), docs.subList(15, 20));
    Path copy = directory.resolveSibling(directory.getFileName() + "-copy");
    Files.createDirectories(copy);
    try (Snapshot open = Snapshot.open(directory);
        Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName().toString()));
      }
      TestIndex.change(directory, List.of(docs.get(3).id()), List.of());
      assertEquals(19, open.manifest().documents());
    }
    try (Snapshot backup = Snapshot.open(copy)) {
      backup.verify();
      assertEquals(19, backup.manifest().documents());
      assertNotNull(backup.find(docs.get(3).id()));
    }
    assertEquals(20, TestIndex.add(copy, docs.subList(2, 3)).documents());
  }

  @Test
  void whatIsRefused() {
    List<Doc> docs = TestIndex.docs(4, 10, DIM, 1);
    write(docs);
    refused(() -> TestIndex.add(directory, docs.subList(3, 4)), docs.get(3).id(), "upsert");
    refused(() -> TestIndex.add(directory, List.of(doc("new"), doc("new"))), "duplicate id 'new'");
    refused(() -> TestIndex.add(directory, List.of(doc(" "))), "blank id");
    refused(() -> TestIndex.add(directory.resolve("none"), List.of(doc("a"))), "there is no index");
    assertFalse(directory.resolve("none").toFile().exists());
    try (Backend backend = Contenders.best(1);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      assertFalse(writer.delete("nobody"));
      assertTrue(writer.delete(docs.get(1).id()));
      assertFalse(writer.delete(docs.get(1).id()), "twice");
      refused(() -> TestIndex.add(directory, List.of(doc("b"))), "being written by");
    }
    assertEquals(1, Manifest.read(directory).commit());
    assertTexts(docs);
  }

  @Test
  void nothingToCommitIsNoCommit() {
    List<Doc> docs = TestIndex.docs(5, 4, DIM, 1);
    write(docs);
    assertEquals(1, TestIndex.add(directory, List.of()).commit());
    assertTexts(docs);
  }

  @Test
  void documentsWithoutTokensAndAnIndexThatLosesAll() {
    List<Doc> docs = TestIndex.docs(6, 4, DIM, 1);
    write(docs);
    Doc silent = new Doc("silent", List.<float[][]>of(new float[0][]));
    TestIndex.add(directory, List.of(silent));
    assertTexts(List.of(docs.get(0), docs.get(1), docs.get(2), docs.get(3), silent));
    TestIndex.change(directory, docs.stream().map(Doc::id).toList(), List.of());
    assertEquals(1, Manifest.read(directory).segments().size());
    TestIndex.change(directory, List.of("silent"), List.of());
    assertEquals(0, Manifest.read(directory).documents());
    TestIndex.add(directory, docs);
    assertTexts(docs);
  }

  private static Doc doc(String id) {
    return new Doc(id, TestIndex.docs(9, 1, DIM, 1).getFirst().passages());
  }

  private void write(List<Doc> docs) {
    TestIndex.write(directory, IndexOptions.of(DIM, 2), docs);
  }

  private static void refused(Runnable call, String... parts) {
    TartanException e = assertThrows(TartanException.class, call::run);
    for (String part : parts) {
      assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
    }
  }

  private static Map<String, Doc> byId(List<Doc> docs) {
    Map<String, Doc> map = new HashMap<>();
    docs.forEach(doc -> map.put(doc.id(), doc));
    return map;
  }

  /** These documents live and no others, each with its passages. */
  private void assertTexts(List<Doc> docs) {
    Map<String, Doc> expected = byId(docs);
    try (Snapshot snapshot = Snapshot.open(directory)) {
      snapshot.verify();
      assertEquals(docs.size(), snapshot.manifest().documents());
      int seen = 0;
      for (Segment segment : snapshot.segments()) {
        for (int d = 0; d < segment.documents(); d++) {
          if (segment.isLive(d)) {
            seen++;
            Doc doc = expected.remove(segment.id(d));
            assertNotNull(doc, segment.id(d));
            int first = segment.firstPassage(d);
            for (int p = 0; p < doc.passages().size(); p++) {
              assertEquals(d, segment.document(first + p));
              assertEquals(doc.passages().get(p).length, segment.doclen(first + p));
              assertEquals(TestIndex.text(doc, p), segment.text(first + p));
            }
          }
        }
      }
      assertEquals(docs.size(), seen);
    }
  }
}
