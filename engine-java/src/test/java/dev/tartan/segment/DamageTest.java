package dev.tartan.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every damage to every file is found and named in one line. */
class DamageTest {
  private static final long SEED = 20;

  @TempDir Path directory;
  private Path compressed = Path.of("");
  private Path uncompressed = Path.of("");

  @BeforeEach
  void write() {
    compressed = directory.resolve("compressed");
    uncompressed = directory.resolve("uncompressed");
    TestIndex.write(compressed, IndexOptions.of(16, 2), TestIndex.docs(1, 20, 16, 2));
    TestIndex.write(uncompressed, IndexOptions.of(16, 16), TestIndex.docs(1, 20, 16, 2));
  }

  @Test
  void anUndamagedIndexIsSound() {
    open(compressed);
    open(uncompressed);
    assertTrue(Manifest.read(uncompressed).files().contains("segment-1.embeddings"));
    assertEquals(14, Manifest.read(compressed).files().size(), "every component but embeddings");
  }

  @Test
  void aFlippedByteInAHeader() throws IOException {
    for (int at : new int[] {0, 7, 8, 12, 16, 20, 24, 31, 32, 40, 44, 48, 63}) {
      int position = at;
      eachFile(bytes -> flip(bytes, position));
    }
  }

  @Test
  void aFlippedByteInAnArray() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 20; i++) {
      eachFile(bytes -> flip(bytes, 64 + random.nextInt(bytes.length - 64)));
    }
  }

  @Test
  void aTruncatedFile() throws IOException {
    eachFile(bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    eachFile(bytes -> Arrays.copyOf(bytes, bytes.length + 1));
    eachFile(bytes -> Arrays.copyOf(bytes, 64));
    eachFile(bytes -> Arrays.copyOf(bytes, 10));
    eachFile(bytes -> new byte[0]);
  }

  @Test
  void aNewerFormat() throws IOException {
    eachFile(
        bytes -> {
          ByteBuffer header = ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN);
          header.putInt(8, 2).putInt(44, 0);
          CRC32C crc = new CRC32C();
          crc.update(header.array(), 0, 64);
          return header.putInt(44, (int) crc.getValue()).array();
        },
        "use a newer Tartan");
  }

  @Test
  void aFileInThePlaceOfAnother() throws IOException {
    byte[] doclens = Files.readAllBytes(compressed.resolve("segment-1.doclens"));
    Path lists = compressed.resolve("segment-1.lists");
    Files.write(lists, doclens);
    assertNames("segment-1.lists", refused(compressed));
  }

  @Test
  void aMissingFile() throws IOException {
    for (Path index : List.of(compressed, uncompressed)) {
      for (String file : Manifest.read(index).files()) {
        byte[] bytes = Files.readAllBytes(index.resolve(file));
        Files.delete(index.resolve(file));
        assertNames(file, refused(index));
        Files.write(index.resolve(file), bytes);
      }
    }
  }

  @Test
  void aFlippedByteAnywhereInTheManifest() throws IOException {
    Path manifest = compressed.resolve(Manifest.FILE);
    byte[] bytes = Files.readAllBytes(manifest);
    for (int at = 0; at < bytes.length; at++) {
      for (int bit : new int[] {1, 32, 128}) {
        byte[] damaged = bytes.clone();
        damaged[at] ^= (byte) bit;
        Files.write(manifest, damaged);
        int position = at;
        TartanException e =
            assertThrows(
                TartanException.class,
                () -> Snapshot.open(compressed).close(),
                () -> "byte " + position);
        assertNames(Manifest.FILE, e);
      }
    }
    for (int length = 0; length < bytes.length; length += 7) {
      Files.write(manifest, Arrays.copyOf(bytes, length));
      assertNames(Manifest.FILE, refused(compressed));
    }
  }

  @Test
  void aManifestOfANewerFormat() throws IOException {
    Path manifest = compressed.resolve(Manifest.FILE);
    String text = Files.readString(manifest);
    assertTrue(text.contains("\"format\" : 2"));
    Files.writeString(manifest, text.replace("\"format\" : 2", "\"format\" : 3"));
    assertTrue(String.valueOf(refused(compressed).getMessage()).contains("use a newer Tartan"));
  }

  @Test
  void noIndexAtAll() throws IOException {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    assertNames("empty", refused(empty));
    assertNames("nowhere", refused(directory.resolve("nowhere")));
    assertNames("manifest.json", refused(compressed.resolve("manifest.json")));
  }

  private interface Damage {
    byte[] to(byte[] bytes);
  }

  private void eachFile(Damage damage) throws IOException {
    eachFile(damage, "");
  }

  /** Damages one file after the other; each time the index must be refused by that file's name. */
  private void eachFile(Damage damage, String text) throws IOException {
    for (Path index : List.of(compressed, uncompressed)) {
      for (String file : Manifest.read(index).files()) {
        byte[] bytes = Files.readAllBytes(index.resolve(file));
        Files.write(index.resolve(file), damage.to(bytes));
        TartanException e = refused(index);
        assertNames(file, e);
        assertTrue(String.valueOf(e.getMessage()).contains(text), e.getMessage());
        Files.write(index.resolve(file), bytes);
      }
    }
  }

  private static byte[] flip(byte[] bytes, int at) {
    byte[] damaged = bytes.clone();
    damaged[at] ^= 0x10;
    return damaged;
  }

  private static void assertNames(String file, TartanException e) {
    assertTrue(String.valueOf(e.getMessage()).contains(file), () -> file + ": " + e.getMessage());
    assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
  }

  private static TartanException refused(Path index) {
    return assertThrows(TartanException.class, () -> open(index));
  }

  private static void open(Path index) {
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
    }
  }
}
