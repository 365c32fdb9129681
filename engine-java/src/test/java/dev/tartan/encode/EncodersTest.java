package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user reads when a model's folder is not right. */
class EncodersTest {
  private final Path golden = Path.of(System.getProperty("tartan.shared", "."), "golden");

  @TempDir Path folder;

  @Test
  void namesWhatIsMissing() throws IOException {
    assertError("no model 'nowhere': give 'tartan-mini', the folder", "nowhere");
    assertError("no model 'a\0b'", "a\0b");
    assertError("has no config.json", folder.toString());
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"t5\"}");
    assertError("has no tokenizer.json and no vocab.txt", folder.toString());
    assertError("is a file; a model is a folder", folder.resolve("config.json").toString());
    assertThrows(TartanException.class, () -> Encoders.open(Encoders.TARTAN_MINI, 0));
  }

  @Test
  void namesWhatIsWrongInACheckpoint() throws IOException {
    copy("bert-colbert");
    Files.delete(folder.resolve("model.safetensors"));
    assertError("has no weights: model.safetensors", folder.toString());
    copy("bert-colbert");
    edit("config.json", "\"bert\"", "\"t5\"");
    assertError("model_type 't5' is not supported; bert, distilbert", folder.toString());
    edit("config.json", "\"t5\"", "\"bert\"");
    edit("config.json", "\"hidden_size\": 64", "\"hidden_size\": 128");
    assertError("shape [2500, 64]; config.json asks for [2500, 128]", folder.toString());
    edit("config.json", "\"hidden_size\": 128", "\"hidden_size\": 64");
    edit("config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4");
    assertError("has no tensor 'bert.encoder.layer.3.", folder.toString());
    edit("config.json", "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3");
    edit("artifact.metadata", "\"dim\": 128", "\"dim\": 100");
    assertError("dim is 100; only multiples of 8", folder.toString());
    edit("artifact.metadata", "\"dim\": 100", "\"dim\": 96");
    assertError("gives 128 values a row, artifact.metadata says dim 96", folder.toString());
    edit("artifact.metadata", "\"doc_maxlen\": 180", "\"doc_maxlen\": 600");
    edit("artifact.metadata", "\"dim\": 96", "\"dim\": 128");
    assertError("doc_maxlen is 600, but the model reads at most 512", folder.toString());
    edit("artifact.metadata", "600", "180");
    try (RandomAccessFile file =
        new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
      file.setLength(file.length() / 2);
    }
    assertError("is truncated: tensor", folder.toString());
    Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": ");
    assertError("tokenizer.json is damaged", folder.toString());
  }

  @Test
  void readsTheOlderVocabulary() throws IOException {
    copy("bert-colbert");
    String text = "Unicode: na\u00efve fa\u00e7ade, tokenizers & [MASK] handling";
    try (Encoder json = Encoders.open(folder.toString(), 1)) {
      assertTrue(Files.deleteIfExists(folder.resolve("tokenizer.json")));
      try (Encoder vocabulary = Encoders.open(folder.toString(), 1);
          Arena arena = Arena.ofConfined()) {
        assertEquals(json.passageTokens(text), vocabulary.passageTokens(text));
        assertEquals(
            -1,
            json.encodeQuery(text, arena)
                .data()
                .mismatch(vocabulary.encodeQuery(text, arena).data()));
        assertEquals(folder.toAbsolutePath().toString(), vocabulary.model());
      }
    }
  }

  private static void assertError(String expected, String model) {
    TartanException e = assertThrows(TartanException.class, () -> Encoders.open(model, 1));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(expected) && !message.contains("\n"), message);
  }

  private void edit(String name, String from, String to) throws IOException {
    Path file = folder.resolve(name);
    String text = Files.readString(file);
    assertTrue(text.contains(from), text);
    Files.writeString(file, text.replace(from, to));
  }

  /** Copies the files of a fixture by content, since the fixtures are read-only. */
  private void copy(String model) throws IOException {
    assumeTrue(Files.isDirectory(golden), "no golden fixtures: set -Dtartan.shared=DIR");
    try (var files = Files.list(golden.resolve(model))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.write(folder.resolve(file.getFileName().toString()), Files.readAllBytes(file));
      }
    }
  }
}
