package dev.tartan.checkpoint.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cache as other tools write it, names, and the variables that say where things are. */
class HubCacheTest {
  /** Nothing answers there. */
  private static final String NOBODY = "http://127.0.0.1:1";

  @TempDir Path folder;

  private Hub hub(boolean offline) {
    return new Hub(new HubSettings(URI.create(NOBODY), folder, null, offline), Progress.NONE);
  }

  /** As huggingface_hub leaves it, by hand. */
  private Path write(String... names) throws IOException {
    Path model = folder.resolve("models--some-org--tiny.model");
    Path snapshot = model.resolve("snapshots").resolve(FakeHub.COMMIT);
    Files.createDirectories(model.resolve("refs"));
    Files.writeString(model.resolve("refs/main"), FakeHub.COMMIT);
    Files.createDirectories(model.resolve("blobs"));
    for (String name : names) {
      Path blob = model.resolve("blobs").resolve(FakeHub.gitSha1(name.getBytes("UTF-8")));
      Files.writeString(blob, "{}");
      Path link = snapshot.resolve(name);
      Files.createDirectories(link.getParent());
      Files.createSymbolicLink(link, link.getParent().relativize(blob));
    }
    return snapshot;
  }

  @Test
  void aCompleteCopyIsReadWithoutARequest() throws IOException {
    Path snapshot =
        write("config.json", "tokenizer.json", "artifact.metadata", "model.safetensors");
    assertEquals(snapshot, hub(false).fetch(FakeHub.NAME).folder());
    assertEquals(snapshot, hub(false).fetch(FakeHub.NAME + "@" + FakeHub.COMMIT).folder());
    assertEquals(snapshot, hub(true).fetch(FakeHub.NAME + "@main").folder());
    assertEquals(FakeHub.NAME + "@" + FakeHub.COMMIT, hub(true).fetch(FakeHub.NAME).name());
  }

  @Test
  void anIncompleteCopyIsNot() throws IOException {
    write("config.json", "tokenizer.json", "artifact.metadata");
    String message =
        String.valueOf(
            assertThrows(TartanException.class, () -> hub(true).fetch(FakeHub.NAME)).getMessage());
    assertTrue(message.contains("no copy of some-org/tiny.model with model.safetensors"), message);
    assertThrows(TartanException.class, () -> hub(false).fetch(FakeHub.NAME));
  }

  @Test
  void aCopyThatMayLackTheHeadIsTakenOfflineOnly() throws IOException {
    // transformers leaves this of a ColBERT model too: it reads neither the head nor its settings
    Path snapshot = write("config.json", "tokenizer.json", "model.safetensors");
    assertThrows(TartanException.class, () -> hub(false).fetch(FakeHub.NAME));
    assertEquals(snapshot, hub(true).fetch(FakeHub.NAME).folder());
  }

  @Test
  void copiesWhereLinksAreNotPossible() throws IOException {
    HubCache cache =
        new HubCache(
            folder,
            "a/b",
            (link, target) -> {
              throw new UnsupportedOperationException(link + " to " + target);
            });
    Path blob = cache.blob("00");
    Files.createDirectories(blob.getParent());
    Files.writeString(blob, "content");
    cache.link(FakeHub.COMMIT, "1_Dense/config.json", blob);
    cache.link(FakeHub.COMMIT, "1_Dense/config.json", blob);
    Path copy = cache.snapshot(FakeHub.COMMIT).resolve("1_Dense/config.json");
    assertFalse(Files.isSymbolicLink(copy));
    assertEquals("content", Files.readString(copy));
    assertEquals(java.util.Set.of("1_Dense/config.json"), cache.paths(FakeHub.COMMIT));
  }

  @Test
  void tellsNamesFromPaths() {
    assertTrue(Hub.isName("colbert-ir/colbertv2.0"));
    assertTrue(Hub.isName("colbert-ir/colbertv2.0@main"));
    assertTrue(Hub.isName("a/b@refs/pr/1"));
    for (String path :
        new String[] {
          "a", "./a/b", "../a", "a/b/c", "/a/b", "a/b@", "a//b", "a/b@../x", "a/..", "a--x/b", "~/b"
        }) {
      assertFalse(Hub.isName(path), path);
    }
  }

  private static HubSettings settings(String... pairs) {
    Map<String, String> environment = new java.util.HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return HubSettings.of(environment);
  }

  @Test
  void readsTheVariablesOfTheHub() throws IOException {
    String user = System.getProperty("user.home");
    HubSettings plain = settings("HF_HOME", folder.toString());
    assertEquals(URI.create("https://huggingface.co"), plain.endpoint());
    assertEquals(folder.resolve("hub"), plain.cache());
    assertFalse(plain.offline());
    assertNull(plain.token());
    assertEquals(Path.of(user, ".cache/huggingface/hub"), settings().cache());
    assertEquals(Path.of("/x/huggingface/hub"), settings("XDG_CACHE_HOME", "/x").cache());
    assertEquals(Path.of("/y"), settings("XDG_CACHE_HOME", "/x", "HF_HUB_CACHE", "/y").cache());
    assertEquals(Path.of(user, "y"), settings("HF_HUB_CACHE", "~/y").cache());
    assertTrue(settings("HF_HUB_OFFLINE", "true").offline());
    Files.writeString(folder.resolve("token"), "hf_file\n");
    HubSettings both = settings("HF_HOME", folder.toString(), "HF_TOKEN", "hf_variable");
    assertEquals("hf_variable", secret(both));
    assertFalse(both.toString().contains("hf_variable"));
    assertEquals("hf_file", secret(settings("HF_HOME", folder.toString())));
    assertThrows(TartanException.class, () -> settings("HF_ENDPOINT", "ftp://x"));
    assertThrows(TartanException.class, () -> settings("HF_ENDPOINT", "not an address"));
    assertThrows(TartanException.class, () -> settings("HF_TOKEN", "two words"));
  }

  private static @Nullable String secret(HubSettings settings) {
    HubSettings.Token token = settings.token();
    return token == null ? null : token.secret();
  }

  @Test
  void aStreamThatGivesNothingIsClosed() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    InputStream silent =
        new InputStream() {
          @Override
          public int read() {
            return -1;
          }

          @Override
          public void close() {
            closed.countDown();
          }
        };
    try (StallGuard guard = new StallGuard(silent, Duration.ofMillis(20))) {
      guard.moved();
      closed.await();
    }
  }
}
