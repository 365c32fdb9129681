package dev.tartan.checkpoint.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetching from a server that behaves as the hub does, well and badly. */
class HubTest {
  private static final int SIZE = 300_000;
  private static final String WEIGHTS = "model.safetensors";

  @TempDir Path cache;
  private final Random random = new Random(7);
  private FakeHub server = new FakeHub();

  HubTest() throws IOException {}

  @BeforeEach
  void files() {
    byte[] weights = new byte[SIZE];
    random.nextBytes(weights);
    server.files.put(WEIGHTS, weights);
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      server.files.put(name, ("{\"n\": \"" + name + "\"}").getBytes(StandardCharsets.UTF_8));
    }
    server.files.put("README.md", new byte[10]);
    server.files.put("pytorch_model.bin", new byte[1000]);
    server.files.put("vocab.txt", new byte[0]);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private HubSettings settings(@Nullable String token, boolean offline) {
    return HubSettings.of(
        Map.of(
            "HF_ENDPOINT", server.address(),
            "HF_HOME", cache.resolve("home").toString(),
            "HF_HUB_CACHE", cache.toString(),
            "HF_TOKEN", token == null ? "" : token,
            "HF_HUB_OFFLINE", offline ? "1" : "0"));
  }

  private Hub.Model fetch(String name) {
    return new Hub(settings(null, false), Progress.NONE).fetch(name);
  }

  private void assertWhole(Hub.Model model) throws IOException {
    assertEquals(FakeHub.NAME + "@" + FakeHub.COMMIT, model.name());
    for (String path : names(model.folder())) {
      assertArrayEquals(
          server.files.get(path), Files.readAllBytes(model.folder().resolve(path)), path);
    }
  }

  private static Set<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return new TreeSet<>(files.map(file -> file.getFileName().toString()).toList());
    }
  }

  private void assertError(String name, String... parts) {
    assertError(() -> fetch(name), parts);
  }

  private static void assertError(Runnable work, String... parts) {
    TartanException e = assertThrows(TartanException.class, work::run);
    String message = String.valueOf(e.getMessage());
    assertFalse(message.contains("\n"), message);
    for (String part : parts) {
      assertTrue(message.contains(part), "'" + part + "' in: " + message);
    }
  }

  @Test
  void fetchesWhatACheckpointNeedsIntoTheLayoutOfTheHub() throws IOException {
    Hub.Model model = fetch(FakeHub.NAME);
    assertWhole(model);
    assertEquals(
        Set.of("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", WEIGHTS),
        names(model.folder()));
    Path repository = cache.resolve("models--some-org--tiny.model");
    assertEquals(repository.resolve("snapshots").resolve(FakeHub.COMMIT), model.folder());
    assertEquals(FakeHub.COMMIT, Files.readString(repository.resolve("refs/main")));
    String sha256 = FakeHub.sha256(server.files.get(WEIGHTS));
    assertEquals(
        Path.of("../../blobs", sha256), Files.readSymbolicLink(model.folder().resolve(WEIGHTS)));
    String sha1 = FakeHub.gitSha1(server.files.get("config.json"));
    assertTrue(names(repository.resolve("blobs")).containsAll(Set.of(sha1, sha256)));
    assertTrue(names(repository.resolve("blobs")).stream().noneMatch(n -> n.contains("incompl")));
    int asked = server.requests.size();
    assertEquals(model, fetch(FakeHub.NAME));
    assertEquals(model, fetch(model.name()));
    assertEquals(model, new Hub(settings(null, true), Progress.NONE).fetch(FakeHub.NAME));
    assertEquals(asked, server.requests.size());
    assertEquals(model, fetch(FakeHub.NAME + "@main")); // asks, but fetches nothing
    assertEquals(asked + 1, server.requests.size());
    assertEquals(model, fetch(FakeHub.NAME + "@refs/pr/1"));
    assertTrue(Files.exists(repository.resolve("refs/refs/pr/1")));
  }

  @Test
  void goesOnWhereTheConnectionBroke() throws IOException {
    for (int i = 0; i < 20; i++) {
      server.cuts.add(1 + random.nextInt(SIZE / 12));
    }
    assertWhole(fetch(FakeHub.NAME));
    assertTrue(server.cuts.size() < 10, "cuts: " + server.cuts.size());
    assertTrue(sent().size() > 10);
    assertTrue(sent().stream().skip(1).allMatch(r -> r.headers().containsKey("Range")));
    assertTrue(sent().stream().skip(1).allMatch(r -> r.headers().containsKey("If-Range")));
  }

  @Test
  void everyCutOfTwentyGivesTheRightFile() throws IOException {
    List<Long> told = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Path here = Files.createDirectory(cache.resolve("cut" + i));
      int cut = random.nextInt(SIZE);
      HubSettings settings =
          HubSettings.of(Map.of("HF_ENDPOINT", server.address(), "HF_HUB_CACHE", here.toString()));
      String sha256 = FakeHub.sha256(server.files.get(WEIGHTS));
      Path part =
          here.resolve("models--some-org--tiny.model/blobs/" + sha256 + ".tartan.incomplete");
      Files.createDirectories(part.getParent()); // as a process that was killed leaves it
      Files.write(part, java.util.Arrays.copyOf(server.files.get(WEIGHTS), cut));
      told.clear();
      assertWhole(new Hub(settings, counting(told)).fetch(FakeHub.NAME));
      assertFalse(Files.exists(part));
      assertEquals("bytes=" + cut + "-", sent().getLast().headers().getFirst("Range"));
      assertEquals(told.getFirst(), told.stream().skip(1).mapToLong(n -> n).sum());
      assertEquals((SIZE - cut) >> 10, told.getFirst());
    }
  }

  private static Progress counting(List<Long> told) {
    return new Progress() {
      @Override
      public void stage(String name, String unit, long total) {
        told.add(total);
      }

      @Override
      public void advance(long units) {
        told.add(units);
      }
    };
  }

  @Test
  void startsAgainWhereRangesAreNotAnswered() throws IOException {
    server.ranges = false;
    server.cuts.add(1000);
    server.cuts.add(SIZE / 2);
    assertWhole(fetch(FakeHub.NAME));
    assertEquals(3, sent().size());
  }

  @Test
  void fetchesDamagedFilesOnceMore() throws IOException {
    server.damaged.set(1);
    assertWhole(fetch(FakeHub.NAME));
    assertEquals(2, sent().size());
    server.files.put(WEIGHTS, new byte[SIZE / 2]);
    Files.delete(cache.resolve("models--some-org--tiny.model/refs/main"));
    deleteWeights();
    server.damaged.set(2);
    assertError(FakeHub.NAME, "came damaged twice", WEIGHTS);
    assertWhole(fetch(FakeHub.NAME));
  }

  private void deleteWeights() throws IOException {
    Files.delete(
        cache.resolve("models--some-org--tiny.model/snapshots/" + FakeHub.COMMIT + "/" + WEIGHTS));
  }

  @Test
  void waitsForABusyHubAndGivesUpInTheEnd() throws IOException {
    server.busy.addAll(List.of(503, 429, 500));
    assertWhole(fetch(FakeHub.NAME));
    server.busy.addAll(List.of(429, 429, 429, 429));
    assertError(FakeHub.NAME + "@main", "429", "try again later");
  }

  @Test
  void endsWhereADiskIsFull() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no /dev/full");
    Path blobs = Files.createDirectories(cache.resolve("models--some-org--tiny.model/blobs"));
    String sha256 = FakeHub.sha256(server.files.get(WEIGHTS));
    Path part = blobs.resolve(sha256 + ".tartan.incomplete");
    Files.createSymbolicLink(part, full);
    assertError(FakeHub.NAME, "cannot write " + blobs, "No space left on device", "make room");
    assertEquals(1, sent().size());
    Files.delete(part);
  }

  @Test
  void theTokenIsForTheHubOnly() throws IOException {
    server.token = "hf_right";
    assertWhole(new Hub(settings("hf_right", false), Progress.NONE).fetch(FakeHub.NAME));
    assertTrue(sent().stream().noneMatch(HubTest::hasToken));
    assertTrue(
        server.requests.stream().filter(r -> r.by().equals("hub")).allMatch(HubTest::hasToken));
    assertNotEquals(0, sent().size());
  }

  private List<FakeHub.Request> sent() {
    return server.requests.stream().filter(r -> r.by().equals("cdn")).toList();
  }

  private static boolean hasToken(FakeHub.Request request) {
    return request.headers().containsKey("Authorization");
  }

  @Test
  void saysInOneLineWhyThereIsNoModel() throws IOException {
    assertError("some-org/other", "no model 'some-org/other'", "no such folder", "set HF_TOKEN");
    assertError(FakeHub.NAME + "@gone", "has no revision 'gone'");
    server.token = "hf_right";
    assertError(FakeHub.NAME, "is gated", "ask for access at", "set HF_TOKEN");
    Hub wrong = new Hub(settings("hf_wrong", false), Progress.NONE);
    assertError(() -> wrong.fetch(FakeHub.NAME), "refuses the token of HF_TOKEN", "wrong");
    Files.createDirectories(cache.resolve("home"));
    Files.writeString(cache.resolve("home/token"), "hf_wrong\n");
    assertError(FakeHub.NAME, "refuses the token of " + cache.resolve("home/token"));
    server.token = null;
    server.files.remove("config.json");
    assertError(FakeHub.NAME, "is no model that can be read: it has no config.json");
    Hub offline = new Hub(settings(null, true), Progress.NONE);
    assertError(() -> offline.fetch(FakeHub.NAME), "HF_HUB_OFFLINE is set", "holds no copy");
  }

  @Test
  void saysThatThereIsNoNetworkOrNoRoom() {
    server.statedSize = 1L << 55;
    assertError(FakeHub.NAME, "MiB left", "HF_HUB_CACHE");
    server.close();
    assertError(FakeHub.NAME, server.address() + " cannot be reached", "check the network");
  }

  @Test
  void followsAModelToItsNewName() throws IOException {
    Hub.Model model = fetch("old-org/old");
    assertEquals("old-org/old@" + FakeHub.COMMIT, model.name());
    assertArrayEquals(
        server.files.get(WEIGHTS), Files.readAllBytes(model.folder().resolve(WEIGHTS)));
  }

  @Test
  void threadsThatFetchTheSameModelShareOneCopy() throws Exception {
    List<Callable<Hub.Model>> calls = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      calls.add(() -> fetch(FakeHub.NAME));
    }
    try (var pool = Executors.newFixedThreadPool(4)) {
      for (Future<Hub.Model> model : pool.invokeAll(calls)) {
        assertWhole(model.get());
      }
    }
    assertEquals(1, sent().size());
  }

  @Test
  void refusesPathsThatLeaveTheModel() {
    server.files.put(
        "modules.json",
        "[{\"path\": \"../../x\", \"type\": \"a.Transformer\"}]".getBytes(StandardCharsets.UTF_8));
    server.files.put("../../x/config.json", new byte[3]);
    fetchQuietly();
    assertFalse(Files.exists(cache.resolve("models--some-org--tiny.model/x")));
    assertTrue(server.requests.stream().noneMatch(r -> r.path().contains("..")));
  }

  private void fetchQuietly() {
    try {
      fetch(FakeHub.NAME);
    } catch (TartanException e) {
      assertFalse(String.valueOf(e.getMessage()).contains("\n"));
    }
  }
}
