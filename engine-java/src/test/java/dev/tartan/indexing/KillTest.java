package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed while it indexes leaves the previous commit or the new one, whole. */
class KillTest {
  private static final int BEFORE = 40;

  @TempDir Path directory;

  @Test
  void killedAtFiveInstants() throws Exception {
    killed(5);
  }

  @Test
  @Tag("slow")
  void killedAtTwentyInstants() throws Exception {
    killed(20);
  }

  private void killed(int times) throws Exception {
    Path index = directory.resolve("index");
    TestIndex.write(index, IndexOptions.of(32, 2), TestIndex.docs(4, BEFORE, 32, 3));
    long whole = run(directory.resolve("timing"), Long.MAX_VALUE);
    int interrupted = 0;
    for (int i = 0; i < times; i++) {
      long before = Manifest.read(index).commit();
      run(index, (2L * i + 1) * whole / (2L * times));
      try (Snapshot snapshot = Snapshot.open(index)) {
        snapshot.verify();
        Manifest manifest = snapshot.manifest();
        boolean old = manifest.commit() == before;
        assertTrue(old || manifest.commit() == before + 1, manifest::toString);
        interrupted += old ? 1 : 0;
        long expected = manifest.commit() == 1 ? BEFORE : Child.DOCUMENTS;
        assertEquals(expected, manifest.documents());
        int last = (int) expected - 1;
        String name = "döc-" + (manifest.commit() == 1 ? 4 : 5) + "-";
        assertEquals(name + last, snapshot.segments().getFirst().id(last));
      }
    }
    assertTrue(interrupted >= times / 2, interrupted + " of " + times + " runs were interrupted");
    run(index, Long.MAX_VALUE);
    assertNoLeftovers(index);
  }

  /** Runs the child for so many nanoseconds from its first word; returns how long it took. */
  private static long run(Path index, long nanos) throws IOException, InterruptedException {
    Process child = Child.start(Child.INDEX, index);
    try {
      String first = child.inputReader(Child.CHARSET).readLine();
      assertEquals("started", first);
      long start = System.nanoTime();
      if (nanos == Long.MAX_VALUE) {
        assertTrue(child.waitFor(120, TimeUnit.SECONDS), "the child hangs");
        assertEquals(0, child.exitValue());
      } else if (!child.waitFor(nanos, TimeUnit.NANOSECONDS)) {
        child.destroyForcibly().waitFor();
      }
      return System.nanoTime() - start;
    } finally {
      child.destroyForcibly();
    }
  }

  private static void assertNoLeftovers(Path index) throws IOException {
    TreeSet<String> expected = new TreeSet<>(Manifest.read(index).files());
    expected.addAll(List.of(Manifest.FILE, Manifest.COPY));
    expected.add("write.lock");
    try (Stream<Path> files = Files.list(index)) {
      assertEquals(
          expected,
          files
              .map(f -> f.getFileName().toString())
              .collect(Collectors.toCollection(TreeSet::new)));
    }
  }
}
