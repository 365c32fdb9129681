package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec.Kind;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An index made on a device is that made on the processor, byte for byte. */
class CudaIndexingTest {
  private static final int DIM = 32;

  @TempDir Path directory;

  @Test
  void theSameFiles() throws IOException {
    List<Doc> docs = TestIndex.docs(3, 150, DIM, 2);
    for (Kind kind : Kind.values()) {
      for (int nbits : new int[] {2, 4}) {
        IndexOptions options = new IndexOptions(DIM, kind, nbits, 0, true, null, null, null);
        Path right = directory.resolve("right-" + kind + nbits);
        Path other = directory.resolve("other-" + kind + nbits);
        try (Backend processor = Contenders.best(2);
            Backend device = Contenders.cuda(true)) {
          write(right, options, processor, docs);
          write(other, options, device, docs);
        }
        assertSameFiles(right, other);
      }
    }
  }

  private static void write(Path index, IndexOptions options, Backend backend, List<Doc> docs) {
    try (IndexWriter writer = new IndexWriter(index, options, backend, Progress.NONE)) {
      docs.forEach(doc -> TestIndex.add(writer, doc));
      writer.commit();
    }
  }

  /** All but the manifest, which has the time. */
  private static void assertSameFiles(Path right, Path other) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(right)) {
      files = all.filter(Files::isRegularFile).map(right::relativize).toList();
    }
    int compared = 0;
    for (Path file : files) {
      if (!file.toString().contains("manifest")) {
        assertEquals(-1, Files.mismatch(right.resolve(file), other.resolve(file)), file.toString());
        compared++;
      }
    }
    assertTrue(compared > 5, compared + " files");
  }
}
