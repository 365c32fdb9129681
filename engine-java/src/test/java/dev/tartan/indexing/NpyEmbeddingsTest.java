package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.memory.DType;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that are no embeddings are refused in one line that names them. */
class NpyEmbeddingsTest {
  @TempDir Path directory;

  @Test
  void whatNumpyWritesIsRead() throws IOException {
    Path rows = npy("rows", "<f2", "False", "(3, 8)", 48);
    Path lens = Files.write(directory.resolve("lens"), header("<i8", "False", "(2,)", 8 * 2));
    byte[] bytes = Files.readAllBytes(lens);
    bytes[bytes.length - 16] = 1;
    bytes[bytes.length - 8] = 2;
    Files.write(lens, bytes);
    try (NpyEmbeddings source = new NpyEmbeddings(rows, lens)) {
      assertEquals(3, source.tokens());
      assertEquals(8, source.dim());
      assertEquals(2, source.doclen(1));
    }
  }

  @Test
  void rowsThatAreNone() throws IOException {
    Path lens = npy("lens", "<i4", "False", "(2,)", 8);
    refused(npy("f8", "<f8", "False", "(3, 8)", 192), lens, "f8");
    refused(npy("big", ">f4", "False", "(3, 8)", 96), lens, "big");
    refused(npy("flat", "<f4", "False", "(24,)", 96), lens, "flat");
    refused(npy("deep", "<f4", "False", "(1, 3, 8)", 96), lens, "deep");
    refused(npy("ints", "<i4", "False", "(3, 8)", 96), lens, "ints");
    refused(npy("fortran", "<f4", "True", "(3, 8)", 96), lens, "Fortran");
    refused(npy("short", "<f4", "False", "(3, 8)", 95), lens, "truncated");
    refused(npy("huge", "<f4", "False", "(4611686018427387904, 8)", 96), lens, "huge");
    refused(npy("vast", "<f4", "False", "(1152921504606846976, 8)", 96), lens, "vast");
    refused(npy("long", "<f4", "False", "(99999999999999999999, 8)", 96), lens, "long");
    refused(npy("minus", "<f4", "False", "(-3, 8)", 96), lens, "minus");
    refused(npy("words", "<f4", "False", "(x, 8)", 96), lens, "words");
  }

  @Test
  void filesThatAreNotNumpys() throws IOException {
    Path lens = npy("lens", "<i4", "False", "(2,)", 8);
    byte[] good = header("<f4", "False", "(3, 8)", 96);
    for (int length = 0; length < good.length; length += 5) {
      refused(write("cut", Arrays.copyOf(good, length)), lens, "cut");
    }
    refused(
        write("text", "hello, world\n".repeat(20).getBytes(StandardCharsets.UTF_8)), lens, "text");
    refused(directory.resolve("missing"), lens, "no such file");
    refused(npy("rows", "<f4", "False", "(3, 8)", 96), directory.resolve("none"), "no such file");
  }

  @Test
  void doclensThatDoNotFit() throws IOException {
    Path rows = npy("rows", "<f4", "False", "(3, 8)", 96);
    refused(rows, npy("zeros", "<i4", "False", "(2,)", 8), "sums to 0 tokens");
    refused(rows, npy("floats", "<f4", "False", "(2,)", 8), "floats");
    refused(rows, npy("square", "<i4", "False", "(1, 2)", 8), "square");
    byte[] negative = header("<i4", "False", "(2,)", 8);
    Arrays.fill(negative, negative.length - 4, negative.length, (byte) 0xff);
    refused(rows, write("negative", negative), "entry 1 is -1 tokens");
  }

  @Test
  void idsAndDimThatDoNotFit() {
    try (NpyEmbeddings source = TestIndex.npy(directory, DType.F32, TestIndex.docs(1, 5, 16, 1));
        Backend backend = Contenders.best(1)) {
      Path index = directory.resolve("index");
      try (IndexWriter writer =
          new IndexWriter(index, IndexOptions.of(16, 2), backend, Progress.NONE)) {
        assertLine(() -> writer.commit(source, List.of("a")), "1 ids for 5 passages");
      }
      try (IndexWriter writer =
          new IndexWriter(index, IndexOptions.of(24, 2), backend, Progress.NONE)) {
        assertLine(() -> writer.commit(source, null), "dim 16");
      }
    }
  }

  private void refused(Path rows, Path doclens, String message) {
    assertLine(() -> new NpyEmbeddings(rows, doclens).close(), message);
  }

  private static void assertLine(Runnable work, String message) {
    TartanException e = assertThrows(TartanException.class, work::run, message);
    assertTrue(String.valueOf(e.getMessage()).contains(message), e.getMessage());
    assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
  }

  private Path npy(String name, String descr, String fortran, String shape, int bytes)
      throws IOException {
    return write(name, header(descr, fortran, shape, bytes));
  }

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes);
  }

  /** An NPY 1.0 header as NumPy writes it, and zeros. */
  private static byte[] header(String descr, String fortran, String shape, int bytes) {
    String text =
        "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }".formatted(descr, fortran, shape);
    byte[] padded =
        (text + " ".repeat(117 - text.length()) + "\n").getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(10 + padded.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    return file.putShort((short) padded.length).put(padded).array();
  }
}
