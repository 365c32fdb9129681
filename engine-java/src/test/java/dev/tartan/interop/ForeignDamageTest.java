package dev.tartan.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a foreign index is told in one line, whatever it is. */
class ForeignDamageTest {
  static final List<String> STATES = ForeignIndexes.STATES;

  /** A pickle that runs ls. */
  private static final byte[] CALL =
      "\u0080\2cposix\nsystem\n(X\2\0\0\0lstR.".getBytes(StandardCharsets.ISO_8859_1);

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"colbert-ai-updated", "fast-plaid-deleted", "next-plaid-deleted"})
  void damageIsAnOrdinaryErrorOrNone(String state) throws IOException {
    damage(state, 10);
  }

  @Tag("slow")
  @ParameterizedTest
  @FieldSource("STATES")
  void muchDamageIsAnOrdinaryErrorOrNone(String state) throws IOException {
    damage(state, 40);
  }

  /** Each file cut at some place, and with some bits changed: an error, or a whole index. */
  private void damage(String state, int rounds) throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    Random random = new Random(11);
    List<Path> files;
    try (Stream<Path> all = Files.list(from)) {
      files = all.sorted().toList();
    }
    int refused = 0;
    for (Path file : files) {
      byte[] whole = Files.readAllBytes(file);
      for (int round = 0; round < rounds && whole.length > 0; round++) {
        byte[] damaged =
            round % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
        for (int flip = 0; round % 2 != 0 && flip <= random.nextInt(4); flip++) {
          damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
        }
        Files.write(file, damaged);
        refused += refuses(from, file.getFileName() + ", round " + round) ? 1 : 0;
      }
      Files.write(file, whole);
    }
    assertTrue(refused > files.size() * rounds / 5, refused + " were refused");
    assertFalse(refuses(from, "the whole index"));
  }

  private boolean refuses(Path from, String what) {
    Path index = directory.resolve("imported");
    try {
      IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
      try (Snapshot snapshot = Snapshot.open(index)) {
        snapshot.verify();
      }
      return false;
    } catch (TartanException e) {
      String message = String.valueOf(e.getMessage());
      assertTrue(message.contains(from.toString()) && !message.contains("\n"), message);
      return true;
    } catch (RuntimeException e) {
      throw new AssertionError(what, e);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "colbert-ai-2bit metadata.json",
        "colbert-ai-2bit buckets.pt",
        "colbert-ai-2bit 1.codes.pt",
        "colbert-ai-2bit 2.residuals.pt",
        "colbert-ai-2bit doclens.0.json",
        "fast-plaid-fresh metadata.json",
        "fast-plaid-fresh bucket_weights.npy",
        "fast-plaid-fresh bucket_cutoffs.npy",
        "fast-plaid-fresh doclens.2.json",
        "next-plaid-fresh metadata.json",
        "next-plaid-fresh doclens.1.json",
      })
  void namesAMissingFile(String stateAndFile) throws IOException {
    String[] parts = stateAndFile.split(" ");
    Path from = ForeignIndexes.unpack(parts[0], directory);
    Files.delete(from.resolve(parts[1]));
    assertEquals(
        from.resolve(parts[1])
            + " is missing: the index is not whole; copy all files of its folder again",
        message(from));
  }

  @Test
  void namesTheCodesOfAChunkThatIsNowhere() throws IOException {
    Path from = ForeignIndexes.unpack("fast-plaid-fresh", directory);
    Files.delete(from.resolve("merged_codes.npy"));
    assertTrue(message(from).startsWith(from.resolve("0.codes.npy") + " is missing"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "fast-plaid-fresh|metadata.json|\"nbits\": 4|\"nbits\": 3|nbits is 3; indexes of 1, 2, 4 and 8 are read",
        "fast-plaid-fresh|metadata.json|\"nbits\": 4|\"nbits\": 2|bucket_weights.npy has 15 cutoffs and 16 weights; 2 bits need 3 and 4",
        "fast-plaid-fresh|metadata.json|\"num_chunks\": 3|\"num_chunks\": 0|num_chunks is 0; a number of at least 1 is needed",
        "fast-plaid-fresh|doclens.0.json|[6|[7|passages of doclens.0.json have",
        "fast-plaid-shards|doclens.1.json|[6|[8|passages of doclens.1.json have",
        "next-plaid-fresh|metadata.json|\"binary\": false|\"binary\": true|an index of signs has no residuals",
        "colbert-ai-2bit|metadata.json|\"nbits\": 2|\"nbits\": 16|nbits is 16; indexes of 1, 2, 4 and 8 are read",
        "colbert-ai-2bit|doclens.0.json|[6|[7|codes, but the 30 passages of doclens.0.json have",
      })
  void namesAWrongValue(String state, String file, String was, String is, String expected)
      throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    Path path = from.resolve(file);
    String text = Files.readString(path);
    assertTrue(text.contains(was), text);
    Files.writeString(path, text.replaceFirst(java.util.regex.Pattern.quote(was), is));
    String message = message(from);
    assertTrue(message.startsWith(from.toString()) && message.contains(expected), message);
  }

  @Test
  void namesACodeBeyondTheCentroids() throws IOException {
    Path from = ForeignIndexes.unpack("next-plaid-fresh", directory);
    Path codes = from.resolve("1.codes.npy");
    byte[] bytes = Files.readAllBytes(codes);
    bytes[bytes.length - 7] = 2; // the last code's second byte: 512 and more
    Files.write(codes, bytes);
    String message = message(from);
    assertTrue(message.startsWith(codes + " has code "), message);
    assertTrue(message.contains(", but there are 256 centroids"), message);
    assertFalse(IndexDirectory.exists(directory.resolve("imported")), "nothing is committed");
  }

  @Test
  void runsNoPickle() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-2bit", directory);
    for (String file : List.of("centroids.pt", "buckets.pt", "0.codes.pt", "0.residuals.pt")) {
      byte[] whole = Files.readAllBytes(from.resolve(file));
      Files.write(from.resolve(file), ForeignIndexes.archive(Map.of("model/data.pkl", CALL)));
      assertTrue(
          message(from)
              .startsWith(
                  from.resolve(file)
                      + " holds more than tensors: it asks for posix.system, which is not run"),
          message(from));
      Files.write(from.resolve(file), whole);
    }
    Files.writeString(
        from.resolve("plaid_ids_to_documents_ids.pkl"),
        "\u0080\2cbuiltins\neval\n(X\1\0\0\0" + "1tR.",
        StandardCharsets.ISO_8859_1);
    assertTrue(message(from).contains("it asks for builtins.eval, which is not run"));
  }

  @Test
  void saysWhatAFolderIsNot() throws IOException {
    Path from = directory.resolve("from");
    assertEquals("there is no index at " + from + ": no such directory", message(from));
    Files.createDirectories(from);
    assertEquals(
        from
            + " has neither centroids.pt nor centroids.npy: it is no index of colbert-ai, fast-plaid, next-plaid",
        message(from));
    Files.writeString(from.resolve("codes.compacted.pt"), "");
    assertEquals(
        from + " is an index of WARP, which is not read; index the texts with Tartan",
        message(from));
  }

  private String message(Path from) {
    return String.valueOf(
        assertThrows(
                TartanException.class,
                () ->
                    IndexImport.run(
                        from, directory.resolve("imported"), ImportOptions.DEFAULT, Progress.NONE))
            .getMessage());
  }
}
