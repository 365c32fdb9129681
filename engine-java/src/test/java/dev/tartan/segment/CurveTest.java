package dev.tartan.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest.SearchEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Curves of recall in the manifest. */
class CurveTest {
  private static final List<SearchEntry> CURVES =
      List.of(
          new SearchEntry(10, 0.901234567, 4, 64, 12),
          new SearchEntry(10, 0.97, 8, 128, 30),
          new SearchEntry(100, 0.5, 16, 500, 150));

  @TempDir Path directory;

  @BeforeEach
  void write() {
    Manifest manifest =
        TestIndex.write(directory, IndexOptions.of(16, 2), TestIndex.docs(1, 20, 16, 1));
    try (IndexDirectory writer = IndexDirectory.open(directory)) {
      writer.commit(manifest.withSearch(CURVES));
    }
  }

  @Test
  void areReadAsTheyWereWritten() {
    Manifest manifest = Manifest.read(directory);
    assertEquals(CURVES, manifest.search());
    assertEquals(CURVES, manifest.curves());
    assertEquals(2, manifest.commit());
  }

  @Test
  void settingsOfAnOlderBuildAreNoCurveAndTheIndexOpens() throws IOException {
    edit(",\\s*\"scored\" : \\d+", ", \"threshold\" : 0.45");
    try (Snapshot snapshot = Snapshot.open(directory)) {
      assertEquals(3, snapshot.manifest().search().size());
      assertEquals(List.of(), snapshot.manifest().curves());
    }
  }

  @Test
  void damageThatTheChecksumDoesNotShowIsNamed() throws IOException {
    String sound = Files.readString(file());
    for (String[] damage :
        new String[][] {
          {"\"nprobe\" : 8", "\"nprobe\" : 0"},
          {"\"ndocs\" : 128", "\"ndocs\" : -1"},
          {"\"scored\" : 30", "\"scored\" : 0"},
          {"\"scored\" : 30", "\"scored\" : \"many\""},
          {"\"recall\" : 0.97", "\"recall\" : 1.5"},
          {"\"recall\" : 0.97", "\"recall\" : NaN"},
          {"\"recall\" : 0.97", "\"recall\" : 0.3"},
          {"\"k\" : 100", "\"k\" : 1"},
          {"\"k\" : 100", "\"k\" : 0"},
        }) {
      Files.writeString(file(), sound);
      edit(damage[0], damage[1]);
      TartanException e =
          assertThrows(TartanException.class, () -> Manifest.read(directory), damage[1]);
      assertTrue(String.valueOf(e.getMessage()).contains("manifest.json"), e.getMessage());
      assertTrue(String.valueOf(e.getMessage()).contains("damaged"), e.getMessage());
    }
  }

  private Path file() {
    return directory.resolve(Manifest.FILE);
  }

  /** Replaces a part of the manifest and makes its checksum right. */
  private void edit(String part, String by) throws IOException {
    String zeroed =
        Files.readString(file())
            .replaceAll(part, by)
            .replaceFirst("\"checksum\" : \"[0-9a-f]{8}\"", "\"checksum\" : \"00000000\"");
    CRC32C crc = new CRC32C();
    crc.update(zeroed.getBytes(StandardCharsets.UTF_8));
    Files.writeString(
        file(),
        zeroed.replaceFirst("00000000", String.format(Locale.ROOT, "%08x", crc.getValue())));
  }
}
