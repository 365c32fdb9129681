package dev.tartan.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
  private static final String STORAGE =
      "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + "0X\3\0\0\0cpuK\6tQ";
  private static final String REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";

  /** {'w': tensor of shape (2, 3) and strides (a, b)}. */
  private static String stateDict(int a, int b) {
    return "\u0080\2}(X\1\0\0\0w"
        + REBUILD
        + "("
        + STORAGE
        + "K\0K\2K\3\u0086K"
        + (char) a
        + "K"
        + (char) b
        + "\u0086\u0089ccollections\nOrderedDict\n)RtRu.";
  }

  @Test
  void readsAStateDict() {
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = TorchFile.of("FILE", zip(stateDict(3, 1)));
      assertArrayEquals(
          new float[] {0, 1, 2, 3, 4, 5}, weights.floats("w", arena).toArray(Layouts.F32));
      Weights transposed = TorchFile.of("FILE", zip(stateDict(1, 2)));
      assertArrayEquals(
          new float[] {0, 2, 4, 1, 3, 5}, transposed.floats("w", arena).toArray(Layouts.F32));
    }
  }

  @Test
  void refusesTensorsOutsideTheirStorage() {
    TartanException e =
        assertThrows(TartanException.class, () -> TorchFile.of("FILE", zip(stateDict(4, 1))));
    assertEquals("FILE is damaged: a tensor lies outside its storage '0'", e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0080\2cos\nsystem\n(X\2\0\0\0lstR.",
        "\u0080\2cbuiltins\neval\n(X\1\0\0\0" + "1tR.",
        "\u0080\2ctorch\nload\n(X\1\0\0\0" + "1tR.",
        "\u0080\4X\2\0\0\0osX\6\0\0\0system\u0093X\2\0\0\0ls\u0085R.",
        "\u0080\2(X\7\0\0\0storagecsubprocess\nPopen\nX\1\0\0\0" + "0X\3\0\0\0cpuK\6tQ.",
        "(S'ls'\nios\nsystem\n.",
        "(cos\nsystem\nS'ls'\no.",
        "cos\nsystem\n)\u0081.",
      })
  void refusesToRunAnything(String pickle) {
    TartanException e =
        assertThrows(TartanException.class, () -> TorchFile.of("FILE", zip(pickle)));
    assertTrue(
        String.valueOf(e.getMessage()).startsWith("FILE holds more than tensors"), e.getMessage());
  }

  @Test
  void endlessNestingIsDamage() {
    // a list that contains itself
    String self = "\u0080\2]q\0h\0a.";
    TartanException e = assertThrows(TartanException.class, () -> TorchFile.of("FILE", zip(self)));
    assertEquals("FILE is damaged: it nests without end", e.getMessage());
  }

  @Test
  void saysWhatIsWrong() {
    byte[] file = zip(stateDict(3, 1)).toArray(Layouts.U8);
    assertBad("FILE is truncated", java.util.Arrays.copyOf(file, file.length - 30));
    assertBad("FILE is no PyTorch file of version 1.6", new byte[100]);
    assertBad("FILE is damaged: its pickle breaks off", bytes(zip("\u0080\2}(X\1\0\0\0w")));
  }

  @Test
  void damageIsAlwaysAnOrdinaryError() {
    byte[] file = zip(stateDict(1, 2)).toArray(Layouts.U8);
    Damage.everyPrefixAndManyFlips(file, new Random(11), TorchFile::of);
  }

  @Test
  void holdsTheSameTensorsAsSafetensors() {
    Path golden = Path.of(System.getProperty("tartan.shared", "."), "golden");
    assumeTrue(Files.isDirectory(golden), "no golden fixtures: set -Dtartan.shared=DIR");
    try (Arena arena = Arena.ofConfined()) {
      Weights torch =
          TorchFile.open(golden.resolve("bert-colbert-bin").resolve("pytorch_model.bin"), arena);
      Weights safe =
          SafetensorsFile.open(golden.resolve("bert-colbert").resolve("model.safetensors"), arena);
      for (String name : safe.names()) {
        assertArrayEquals(safe.tensor(name).shape(), torch.tensor(name).shape(), name);
        assertEquals(-1, safe.floats(name, arena).mismatch(torch.floats(name, arena)), name);
      }
    }
  }

  private static void assertBad(String expected, byte[] file) {
    TartanException e =
        assertThrows(
            TartanException.class, () -> TorchFile.of("FILE", MemorySegment.ofArray(file)));
    assertTrue(String.valueOf(e.getMessage()).startsWith(expected), e.getMessage());
  }

  private static byte[] bytes(MemorySegment segment) {
    return segment.toArray(Layouts.U8);
  }

  /** An archive as PyTorch writes it: stored entries, six floats 0 to 5 as storage "0". */
  private static MemorySegment zip(String pickle) {
    ByteBuffer storage = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 6; i++) {
      storage.putFloat(i);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "model/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1));
      put(zip, "model/data/0", storage.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return MemorySegment.ofArray(bytes.toByteArray());
  }

  private static void put(ZipOutputStream zip, String name, byte[] data) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    CRC32 crc = new CRC32();
    crc.update(data);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }
}
