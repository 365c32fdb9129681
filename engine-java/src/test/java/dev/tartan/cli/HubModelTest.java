package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.checkpoint.hub.FakeHub;
import dev.tartan.segment.Manifest;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The option --model with a name of the hub, in processes whose variables name a local one. */
class HubModelTest {
  @TempDir Path directory;

  private int run(Map<String, String> environment, Object... args)
      throws IOException, InterruptedException {
    return start("err", environment, args).waitFor();
  }

  /** Whatever the variables of whoever runs the tests are. */
  private Process start(String err, Map<String, String> environment, Object... args)
      throws IOException {
    Map<String, String> all =
        new HashMap<>(Map.of("HF_HUB_CACHE", "", "HF_HUB_OFFLINE", "", "HF_TOKEN", ""));
    all.putAll(environment);
    return Typed.start(directory.resolve(err), all, args);
  }

  private static Path folder(String name) throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(HubModelTest.class.getResource("/checkpoints/" + name)).toURI());
  }

  private String errors() throws IOException {
    return Files.readString(directory.resolve("err"));
  }

  @Test
  void indexesAndSearchesByTheNameOfTheHub()
      throws IOException, URISyntaxException, InterruptedException {
    Path folder =
        Path.of(
            Objects.requireNonNull(HubModelTest.class.getResource("/checkpoints/distilbert-shards"))
                .toURI());
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      lines.add("{\"_id\": \"%d\", \"text\": \"passage %d of token words\"}".formatted(i, i * i));
    }
    Path docs = Files.write(directory.resolve("docs.jsonl"), lines);
    Path index = directory.resolve("index");
    Object[] indexing = {
      "index", "--collection", docs, "--index", index, "--model", FakeHub.NAME, "--threads", 1
    };
    Object[] searching = {"search", "--index", index, "words of a passage", "--threads", 1};
    String cache = directory.resolve("cache").toString();
    String pinned = FakeHub.NAME + "@" + FakeHub.COMMIT;
    Map<String, String> offline = Map.of("HF_HOME", cache, "HF_HUB_OFFLINE", "1");
    assertEquals(1, run(offline, indexing));
    assertTrue(errors().contains("tartan: HF_HUB_OFFLINE is set and " + cache), errors());
    try (FakeHub server = new FakeHub().with(folder("distilbert-shards"))) {
      Map<String, String> online = Map.of("HF_HOME", cache, "HF_ENDPOINT", server.address());
      assertEquals(0, run(online, indexing), errors());
      assertTrue(errors().contains("fetching " + FakeHub.NAME + ": "), errors());
      assertEquals(pinned, Manifest.read(index).model());
      String elsewhere = directory.resolve("other cache").toString();
      assertEquals(
          0,
          run(Map.of("HF_HOME", elsewhere, "HF_ENDPOINT", server.address()), searching),
          errors());
      assertTrue(errors().contains("fetching " + pinned + ": "), errors());
    }
    assertEquals(0, run(offline, searching), errors());
    assertEquals(1, errors().lines().count(), errors());
  }

  @Test
  void processesThatFetchTheSameModelShareOneCopy()
      throws IOException, URISyntaxException, InterruptedException {
    Path queries = Files.writeString(directory.resolve("q.tsv"), "1\twords of a passage\n");
    try (FakeHub server = new FakeHub().with(folder("distilbert-shards"))) {
      Map<String, String> online =
          Map.of("HF_HOME", directory.toString(), "HF_ENDPOINT", server.address());
      List<Process> processes = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        Object[] encoding = {
          "encode",
          "--queries",
          queries,
          "--out",
          directory.resolve(i + ".npy"),
          "--model",
          FakeHub.NAME,
          "--threads",
          1
        };
        processes.add(start("err" + i, online, encoding));
      }
      for (int i = 0; i < 2; i++) {
        assertEquals(0, processes.get(i).waitFor(), Files.readString(directory.resolve("err" + i)));
      }
      assertEquals(2, server.sent()); // its shards
    }
    assertEquals(-1, Files.mismatch(directory.resolve("0.npy"), directory.resolve("1.npy")));
  }
}
