package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Repair;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An index with several segments and codecs, deletions and kept embeddings, damaged in every file:
 * verify finds all of it, searching it never ends otherwise than with hits or one line, and repair
 * saves what is whole. The system property {@code tartan.flips} says how often a bit of each file
 * is flipped.
 */
class LivingDamageTest {
  private static final int DIM = 16;
  private static final long SEED = 17;
  private static final int FLIPS = Integer.getInteger("tartan.flips", 12);

  @TempDir Path directory;
  private Path index = Path.of("");
  private final List<Doc> docs = TestIndex.docs(1, 60, DIM, 2);
  private final Backend backend = Contenders.best(1);

  @BeforeEach
  void write() {
    index = directory.resolve("index");
    TestIndex.write(index, IndexOptions.of(DIM, 2).withEmbeddings(), docs.subList(0, 30));
    TestIndex.add(index, docs.subList(30, 45));
    TestIndex.writeSegment(index, docs.subList(45, 60), IndexOptions.of(DIM, 4));
    TestIndex.change(
        index,
        Stream.of(3, 17, 33, 50).map(i -> docs.get(i).id()).toList(),
        List.of(new Doc(docs.get(3).id(), docs.get(20).passages())));
  }

  @AfterEach
  void tearDown() {
    backend.close();
  }

  private interface Damage {
    byte[] to(byte[] bytes);
  }

  @Test
  void everyFlipIsFound() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < FLIPS; i++) {
      eachFile(
          bytes -> {
            byte[] damaged = bytes.clone();
            damaged[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            return damaged;
          });
    }
  }

  @Test
  void everyTruncationIsFound() throws IOException {
    for (int cut : new int[] {0, 1, 8, 63, 64, 65, 128}) {
      eachFile(bytes -> Arrays.copyOf(bytes, Math.min(cut, bytes.length - 1)));
    }
    for (int less : new int[] {1, 2, 4, 8, 16, 32}) {
      eachFile(bytes -> Arrays.copyOf(bytes, Math.max(0, bytes.length - less)));
    }
    eachFile(bytes -> Arrays.copyOf(bytes, bytes.length + 64));
  }

  private void eachFile(Damage damage) throws IOException {
    TreeSet<String> files = new TreeSet<>(Manifest.read(index).files());
    assertTrue(files.stream().anyMatch(f -> f.endsWith(".live")), "deletions");
    assertTrue(files.stream().anyMatch(f -> f.endsWith(".embeddings")), "kept embeddings");
    assertEquals(2, files.stream().filter(f -> f.endsWith(".codec")).count());
    files.addAll(List.of(Manifest.FILE, Manifest.COPY));
    for (String file : files) {
      byte[] bytes = Files.readAllBytes(index.resolve(file));
      Files.write(index.resolve(file), damage.to(bytes));
      TartanException e = assertThrows(TartanException.class, this::verify, file);
      assertTrue(String.valueOf(e.getMessage()).contains(file), file + ": " + e.getMessage());
      assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
      search();
      Files.write(index.resolve(file), bytes);
    }
    verify();
  }

  private void verify() {
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
    }
  }

  /** Hits or one line. */
  private void search() {
    float[][] rows = TestIndex.rows(new SplittableRandom(1), 5, DIM, null);
    try (Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, backend);
        Arena arena = Arena.ofShared()) {
      Matrix query = Matrix.of(arena, rows);
      searcher.search(query, SearchOptions.top(5)).forEach(searcher::passage);
      searcher.search(query, SearchOptions.exhaustive(5)).forEach(searcher::passage);
    } catch (TartanException e) {
      assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
    }
  }

  @Test
  void aWholeIndexIsLeftAlone() {
    long commit = Manifest.read(index).commit();
    Repair.Report report = Repair.repair(index);
    assertEquals(List.of(), report.findings());
    assertEquals(commit, report.manifest().commit());
  }

  @Test
  void aDamagedSegmentIsLostAndTheOthersStay() throws IOException {
    List<String> kept = new ArrayList<>();
    for (Manifest.SegmentEntry entry : Manifest.read(index).segments()) {
      kept.add(entry.name() + ":" + entry.livingDocuments());
    }
    assertEquals(List.of("segment-1:28", "segment-2:14", "segment-3:14", "segment-4:1"), kept);
    flip("segment-2.residuals");
    Repair.Report report = Repair.repair(index);
    assertEquals(14, report.lostDocuments());
    assertEquals(1, report.findings().size());
    assertTrue(report.findings().getFirst().contains("segment-2.residuals"));
    assertEquals(43, report.manifest().documents());
    verify();
    List<String> ids = Files.readAllLines(index.resolve("damaged-segment-2-ids.txt"));
    assertEquals(docs.subList(30, 45).stream().map(Doc::id).toList(), ids);
    assertTrue(Files.exists(index.resolve("damaged-segment-2.codes")));
    assertEquals(List.of(), Repair.repair(index).findings(), "nothing is left to do");
    TestIndex.add(index, docs.subList(30, 45)); // what was lost can be added again
    assertEquals(58, Manifest.read(index).documents());
    assertTrue(Files.exists(index.resolve("damaged-segment-2.codes")));
  }

  /** Its documents come back, but not the one that was updated since. */
  @Test
  void aLostRecordOfDeletions() throws IOException {
    String live = "segment-1.4.live";
    assertTrue(Manifest.read(index).files().contains(live));
    Files.delete(index.resolve(live));
    Repair.Report report = Repair.repair(index);
    assertEquals(0, report.lostDocuments());
    assertTrue(report.findings().getFirst().contains("2 of them are back"));
    assertEquals(58, report.manifest().documents());
    verify();
    try (Snapshot snapshot = Snapshot.open(index)) {
      Snapshot.Place updated = snapshot.find(docs.get(3).id());
      assertTrue(updated != null && updated.segment() == 3, "the newer one");
      assertTrue(snapshot.find(docs.get(17).id()) != null, "deleted, and back");
    }
  }

  @Test
  void aLostManifest() throws IOException {
    Manifest before = Manifest.read(index);
    flip(Manifest.FILE);
    TartanException e = assertThrows(TartanException.class, this::verify);
    assertTrue(String.valueOf(e.getMessage()).contains("tartan repair"), e.getMessage());
    Repair.Report report = Repair.repair(index);
    assertEquals(before.documents(), report.manifest().documents());
    assertTrue(report.findings().getFirst().contains("manifest.json is damaged"));
    verify();
  }

  @Test
  void aDamagedCopyOfTheManifest() throws IOException {
    flip(Manifest.COPY);
    Repair.Report report = Repair.repair(index);
    assertEquals(0, report.lostDocuments());
    assertTrue(report.findings().getFirst().contains("it is written again"));
    verify();
  }

  @Test
  void whatCannotBeRepaired() throws IOException {
    assertThrows(TartanException.class, () -> Repair.repair(directory.resolve("none")));
    assertFalse(Files.exists(directory.resolve("none")));
    flip(Manifest.read(index).codec().file());
    TartanException e = assertThrows(TartanException.class, () -> Repair.repair(index));
    assertTrue(String.valueOf(e.getMessage()).contains("index the collection again"));
  }

  private void flip(String file) throws IOException {
    byte[] bytes = Files.readAllBytes(index.resolve(file));
    bytes[bytes.length / 2] ^= 4;
    Files.write(index.resolve(file), bytes);
  }
}
