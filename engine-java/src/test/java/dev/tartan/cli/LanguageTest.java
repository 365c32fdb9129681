package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The option --language and the field "language", with a model that tells languages apart. */
class LanguageTest {
  @TempDir Path directory;
  private Path model = Path.of(".");
  private Path collection = Path.of(".");

  @BeforeEach
  void files() throws IOException, URISyntaxException {
    model =
        Path.of(
            Objects.requireNonNull(LanguageTest.class.getResource("/checkpoints/xmod-own-norm"))
                .toURI());
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      lines.add("{\"_id\": \"%d\", \"text\": \"passage %d of token words\"}".formatted(i, i * i));
    }
    collection = Files.write(directory.resolve("docs.jsonl"), lines);
  }

  private Typed encode(Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("encode", "--collection", collection, "--model", model));
    args.addAll(List.of("--out", directory.resolve("out.npy")));
    args.addAll(List.of("--doclens", directory.resolve("lens.npy"), "--threads", 1));
    args.addAll(List.of(more));
    return Typed.run(args.toArray());
  }

  private byte[] rows() throws IOException {
    return Files.readAllBytes(directory.resolve("out.npy"));
  }

  @Test
  void aPassagesOwnLanguageComesFirst() throws IOException {
    encode("--language", "zh_TW").ok();
    byte[] taiwan = rows();
    encode("--language", "zh_CN").ok();
    assertNotEquals(-1, java.util.Arrays.mismatch(taiwan, rows()));
    String text = Files.readString(collection);
    Files.writeString(collection, text.replace("\"text\"", "\"language\": \"zh_TW\", \"text\""));
    encode("--language", "zh_CN").ok();
    assertEquals(-1, java.util.Arrays.mismatch(taiwan, rows()));
    Files.writeString(collection, text.replace("\"text\"", "\"language\": \"tlh\", \"text\""));
    assertError("has no language 'tlh'; it has en_XX, zh_CN, zh_TW", encode("--language", "en"));
  }

  @Test
  void searchTakesTheLanguageOfTheIndex() throws IOException {
    Path index = directory.resolve("index");
    Typed.run(
            "index",
            "--collection",
            collection,
            "--index",
            index,
            "--model",
            model,
            "--language",
            "zh_TW",
            "--threads",
            1)
        .ok();
    assertTrue(Typed.run("info", "--index", index).ok().contains("xmod-own-norm (zh_TW)"));
    String query = "passage of words";
    String plain = Typed.run("search", "--index", index, query, "--threads", 1).ok();
    String same =
        Typed.run("search", "--index", index, query, "--language", "zh_TW", "--threads", 1).ok();
    String other =
        Typed.run("search", "--index", index, query, "--language", "en", "--threads", 1).ok();
    assertEquals(plain, same);
    assertNotEquals(plain, other);
    assertError(
        "has no language 'xx'", Typed.run("search", "--index", index, query, "--language", "xx"));
  }

  private static void assertError(String expected, Typed typed) {
    assertNotEquals(0, typed.exit());
    assertTrue(typed.err().contains(expected), typed.err());
  }
}
