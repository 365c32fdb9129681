package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.checkpoint.hub.FakeHub;
import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.checkpoint.hub.HubSettings;
import dev.tartan.memory.Progress;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every layout of a checkpoint opens by a name of the hub as it does by its folder. */
class HubEncodersTest {
  private static final String TEXT = "some words of a text";

  @TempDir Path cache;

  private static Path folder(String name) throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(HubEncodersTest.class.getResource("/checkpoints/" + name)).toURI());
  }

  private Hub hub(String address) {
    return new Hub(
        HubSettings.of(Map.of("HF_ENDPOINT", address, "HF_HOME", cache.toString())), Progress.NONE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"bge-m3", "distilbert-shards", "modernbert-text-prefixes", "roberta-modules"})
  void opensAsTheFolderDoes(String name) throws IOException, URISyntaxException {
    try (FakeHub server = new FakeHub().with(folder(name));
        Encoder local = Encoders.open(folder(name).toString(), 1);
        Encoder fetched = Encoders.open(FakeHub.NAME, 1, null, hub(server.address()));
        Arena arena = Arena.ofConfined()) {
      assertEquals(FakeHub.NAME + "@" + FakeHub.COMMIT, fetched.model());
      assertEquals(
          -1,
          local.encodeQuery(TEXT, arena).data().mismatch(fetched.encodeQuery(TEXT, arena).data()));
      Path snapshot = hub(server.address()).fetch(FakeHub.NAME).folder();
      assertFalse(Files.exists(snapshot.resolve("README.md")));
      assertFalse(Files.exists(snapshot.resolve("expected.safetensors")));
      assertFalse(Files.exists(snapshot.resolve("onnx")));
    }
    // the server is gone, the copy is not
    Encoders.open(FakeHub.NAME, 1, null, hub("http://127.0.0.1:1")).close();
  }

  @Test
  void opensCrossEncoders() throws IOException, URISyntaxException {
    Path folder = folder("xlmr-cross-encoder");
    try (FakeHub server = new FakeHub().with(folder);
        CrossEncoder local = CrossEncoder.open(folder.toString());
        CrossEncoder fetched = CrossEncoder.open(FakeHub.NAME, 0, hub(server.address()))) {
      assertArrayEquals(
          local.scores("query", List.of(TEXT)), fetched.scores("query", List.of(TEXT)));
    }
    CrossEncoder.open(FakeHub.NAME, 0, hub("http://127.0.0.1:1")).close();
    assertTrue(Files.isDirectory(cache.resolve("hub/models--some-org--tiny.model/.no_exist")));
  }
}
