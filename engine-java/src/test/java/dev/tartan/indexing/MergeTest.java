package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Manifest.SegmentEntry;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merging leaves the documents as they are, byte for byte, and few segments. */
class MergeTest {
  private static final int DIM = 16;
  private static final long SEED = 11;

  @TempDir Path directory;

  /** Whatever was added and deleted, a compact index is the one that is built at once. */
  @Test
  void aCompactIndexIsTheOneBuiltAtOnce() throws IOException {
    for (int nbits : new int[] {2, 16}) {
      Path index = directory.resolve("index" + nbits);
      List<Doc> first = TestIndex.docs(1, 60, DIM, 3);
      TestIndex.write(index, IndexOptions.of(DIM, nbits), first);
      Map<String, Doc> living = new LinkedHashMap<>();
      first.forEach(doc -> living.put(doc.id(), doc));
      SplittableRandom random = new SplittableRandom(SEED);
      for (int round = 0; round < 25; round++) {
        round(index, round, random, living);
        try (Snapshot snapshot = Snapshot.open(index)) {
          snapshot.verify();
          assertEquals(living.size(), snapshot.manifest().documents());
          assertTrue(snapshot.segments().size() <= 8, "segments: " + snapshot.segments().size());
        }
      }
      List<String> order = ids(index);
      assertEquals(living.keySet(), new HashSet<>(order));
      compaction(index, Compaction::compact);
      assertEquals(order, ids(index), "the order stays");
      Path atOnce = directory.resolve("at-once" + nbits);
      TestIndex.write(atOnce, IndexOptions.of(DIM, nbits), first);
      TestIndex.change(
          atOnce, first.stream().map(Doc::id).toList(), order.stream().map(living::get).toList());
      assertSameFiles(index, atOnce);
      long commit = Manifest.read(index).commit();
      assertEquals(commit, compaction(index, Compaction::compact).commit(), "nothing to do");
    }
  }

  private static void round(
      Path index, int round, SplittableRandom random, Map<String, Doc> living) {
    List<String> gone = new ArrayList<>();
    for (String id : List.copyOf(living.keySet())) {
      if (random.nextInt(8) == 0) {
        gone.add(id);
        living.remove(id);
      }
    }
    List<Doc> added = new ArrayList<>(TestIndex.docs(100 + round, 1 + random.nextInt(20), DIM, 2));
    if (!gone.isEmpty() && random.nextBoolean()) { // one comes back changed
      added.add(new Doc(gone.getFirst(), added.getFirst().passages()));
    }
    added.forEach(doc -> living.put(doc.id(), doc));
    TestIndex.change(index, gone, added);
    if (random.nextInt(3) > 0) {
      compaction(index, Compaction::merge);
    }
  }

  /** The ids of the living documents in their order. */
  private static List<String> ids(Path index) {
    try (Snapshot snapshot = Snapshot.open(index)) {
      return snapshot.segments().stream()
          .flatMap(s -> IntStream.range(0, (int) s.documents()).filter(s::isLive).mapToObj(s::id))
          .toList();
    }
  }

  private static void assertSameFiles(Path one, Path other) throws IOException {
    SegmentEntry a = Manifest.read(one).segments().getFirst();
    SegmentEntry b = Manifest.read(other).segments().getFirst();
    assertEquals(1, Manifest.read(one).segments().size());
    assertEquals(b.components(), a.components());
    for (String component : a.components()) {
      assertArrayEquals(
          Files.readAllBytes(other.resolve(b.name() + "." + component)),
          Files.readAllBytes(one.resolve(a.name() + "." + component)),
          component);
    }
  }

  /** Log-structured: few segments, and a token is written about once a level. */
  @Test
  void additionsAreMergedWithBoundedWork() {
    List<SegmentEntry> segments = new ArrayList<>();
    long written = 0;
    long most = 0;
    int added = 3000;
    int each = 20_000; // tokens
    for (int i = 0; i < added; i++) {
      segments.add(entry("s" + i, each));
      for (List<SegmentEntry> some = MergePolicy.next(segments);
          !some.isEmpty();
          some = MergePolicy.next(segments)) {
        long tokens = some.stream().mapToLong(SegmentEntry::tokens).sum();
        segments.removeAll(some);
        segments.add(entry("m" + i + "-" + written, tokens));
        if (tokens > MergePolicy.FLOOR) {
          written += tokens;
        }
      }
      most = Math.max(most, segments.size());
    }
    double total = (double) added * each;
    assertEquals(total, segments.stream().mapToLong(SegmentEntry::tokens).sum());
    int levels =
        (int) Math.ceil(Math.log(total / MergePolicy.FLOOR) / Math.log(MergePolicy.FANOUT));
    assertTrue(most <= (levels + 1) * MergePolicy.FANOUT, most + " segments at once");
    assertTrue(written / total <= levels + 1, written / total + " times written above the floor");
  }

  private static SegmentEntry entry(String name, long tokens) {
    return new SegmentEntry(
        name, 1, 1, tokens, List.of("codes"), "codec-1.codec", null, new Manifest.Fit(0.3, 0.05));
  }

  @Test
  void aSegmentOfWhichMuchIsDeletedIsRewritten() {
    List<Doc> docs = TestIndex.docs(3, 40, DIM, 1);
    TestIndex.write(directory, IndexOptions.of(DIM, 2), docs);
    TestIndex.change(directory, docs.subList(0, 10).stream().map(Doc::id).toList(), List.of());
    assertEquals(2, compaction(directory, Compaction::merge).commit(), "a quarter is little");
    TestIndex.change(directory, docs.subList(10, 25).stream().map(Doc::id).toList(), List.of());
    Manifest merged = compaction(directory, Compaction::merge);
    assertEquals(4, merged.commit());
    assertEquals(15, merged.segments().getFirst().documents());
    assertEquals(15, merged.documents());
  }

  /** All documents stay, by a codec that fits them better. */
  @Test
  void retraining() {
    List<Doc> docs = TestIndex.docs(4, 300, DIM, 1);
    TestIndex.write(directory, IndexOptions.of(DIM, 4), docs.subList(0, 30));
    SplittableRandom random = new SplittableRandom(6);
    List<Doc> strange = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      strange.add(new Doc("s" + i, List.<float[][]>of(TestIndex.rows(random, 8, DIM, null))));
    }
    Manifest drifted = TestIndex.add(directory, strange);
    Manifest.Training before = drifted.codec().training();
    Manifest.Fit fit = drifted.segments().getLast().fit();
    assertTrue(fit != null && before != null && fit.outliers() > 0.5, "strange documents: " + fit);
    TestIndex.change(directory, List.of(docs.get(3).id()), List.of());
    Manifest after = compaction(directory, Compaction::retrain);
    assertEquals(229, after.documents());
    assertEquals(1, after.segments().size());
    assertEquals(1, after.codecs().size());
    assertNotEquals(drifted.codec().file(), after.codec().file());
    Manifest.Fit now = after.segments().getFirst().fit();
    assertTrue(now != null && now.outliers() < 0.06, "after training: " + now);
    try (Snapshot snapshot = Snapshot.open(directory)) {
      snapshot.verify();
      assertEquals(30, snapshot.segments().getFirst().find("s0") + 1);
    }
  }

  private interface Step {
    Manifest take(Compaction compaction);
  }

  private static Manifest compaction(Path index, Step step) {
    try (Backend backend = Contenders.best(2)) {
      return step.take(new Compaction(index, backend, Progress.NONE));
    }
  }
}
