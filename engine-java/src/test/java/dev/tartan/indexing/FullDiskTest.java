package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that fills up at any stage of a run: one line, the last commit stands, no fault. */
class FullDiskTest {
  @TempDir Path directory;

  @Test
  void atEveryStage() throws Exception {
    Path disk = Files.createDirectory(directory.resolve("disk"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.toString()),
        "a small file system cannot be mounted here; the full disk is not tested");
    try {
      Path index = disk.resolve("index");
      TestIndex.write(index, IndexOptions.of(32, 2), TestIndex.docs(1, 10, 32, 1));
      List<Doc> docs = TestIndex.docs(2, 700, 32, 1);
      int failed = 0;
      for (int ballast = 40; ballast < 1000; ballast += 40) { // KiB that are left for the run
        Path filler = disk.resolve("filler");
        long free = Files.getFileStore(disk).getUsableSpace();
        Files.write(filler, new byte[(int) Math.max(0, free - ballast * 1024L)]);
        failed += fails(index, docs) ? 1 : 0;
        Files.delete(filler);
        assertIntact(index);
      }
      assertTrue(failed > 5, failed + " runs failed for want of space");
    } finally {
      run("umount", "-l", disk.toString());
    }
  }

  private static boolean fails(Path index, List<Doc> docs) {
    try {
      TestIndex.write(index, IndexOptions.of(32, 2), docs);
      return false;
    } catch (TartanException e) {
      assertTrue(String.valueOf(e.getMessage()).contains("No space left"), e.getMessage());
      assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
      return true;
    }
  }

  private static void assertIntact(Path index) {
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
      long documents = snapshot.manifest().documents();
      assertEquals(snapshot.manifest().commit() == 1 ? 10 : 700, documents);
    }
  }

  private static boolean run(String... command) throws IOException, InterruptedException {
    try {
      return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
    } catch (IOException e) {
      return false; // there is no such command
    }
  }
}
