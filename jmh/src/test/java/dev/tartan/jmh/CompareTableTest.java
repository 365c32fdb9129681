package dev.tartan.jmh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.DType;
import dev.tartan.memory.NpyWriter;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareTableTest {
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir Path folder;

  @Test
  void chosenQueriesAreSpreadEvenly() {
    assertArrayEquals(new int[] {0, 2, 4}, CompareInput.chosen(6, 3));
    assertArrayEquals(new int[] {0, 1}, CompareInput.chosen(2, 9));
  }

  @Test
  void recallIsOfTheQueriesThatWereSearched() throws IOException {
    Path input = Files.createDirectory(folder.resolve("in-x"));
    passages(input.resolve("exact.npy"), 0, 100, 200, 300);
    Path raw = Files.createDirectories(folder.resolve("work/raw"));
    // Of four queries 0 and 2 were searched: one found as it should be, one by half.
    int[] half = {200, 201, 202, 203, 204, -1, -1, -1, -1, -1};
    try (NpyWriter out = new NpyWriter(raw.resolve("hits.npy"), DType.I32, 10)) {
      out.writeInts(ascending(0));
      out.writeInts(half);
    }
    // Of its own ranking only query 0 is known, and there the search lost everything.
    passages(folder.resolve("work/e-2.exhaustive.npy"), 500);
    ObjectNode line = point("e", 2, "s", 10);
    line.putPOJO("searched", new int[] {0, 2}).putPOJO("millis", new double[] {4, 1});

    JsonNode judged = judge(input, raw, line);

    assertEquals("x", judged.get("corpus").asText());
    assertEquals(0.75, judged.get("recall@10").asDouble(), 1e-12);
    assertEquals(0, judged.get("own_recall@10").asDouble());
    assertEquals(400, judged.get("queries_a_second").asDouble(), 1e-9);
    assertFalse(judged.has("recall@100"));
  }

  /**
   * A part of a part is spread otherwise than a part of that size: how many there are is no key.
   */
  @Test
  void anExactEngineProvesThatHitsAreOfTheSameQueries() throws IOException {
    Path input = Files.createDirectory(folder.resolve("in-x"));
    passages(input.resolve("exact.npy"), 0, 100, 200, 300, 400, 500, 600);
    Path raw = Files.createDirectories(folder.resolve("work/raw"));
    // Five of seven queries are 0, 1, 2, 4 and 5, two of those 0 and 2; two of seven are 0 and 3.
    passages(raw.resolve("hits.npy"), 0, 200);
    ObjectNode line = point("float", 32, "exhaustive", 10).put("exact", true);
    line.putPOJO("millis", new double[] {4, 1});

    JsonNode judged = judge(input, raw, line.deepCopy().putPOJO("searched", new int[] {0, 2}));

    assertEquals(1, judged.get("recall@10").asDouble());
    assertFalse(judged.has("exact"));
    assertRefused(input, raw, line.deepCopy().putPOJO("searched", new int[] {0, 3}), "recall@10");
    assertRefused(input, raw, line.deepCopy().putPOJO("searched", new int[] {0}), "hits of 2");
    assertRefused(input, raw, line.deepCopy(), "which queries");
  }

  private void assertRefused(Path input, Path raw, ObjectNode line, String why) {
    var refused = assertThrows(TartanException.class, () -> judge(input, raw, line));
    assertTrue(refused.getMessage().contains(why), refused.getMessage());
  }

  /** What the table makes of a line whose hits are in {@code hits.npy}. */
  private JsonNode judge(Path input, Path raw, ObjectNode line) throws IOException {
    Path lines = raw.resolve("e.jsonl");
    Files.writeString(lines, line.put("hits", "hits.npy") + "\n");
    Path results = folder.resolve("results.jsonl");
    CompareTable.main(new String[] {input.toString(), results.toString(), lines.toString()});
    return JSON.readTree(Files.readString(results));
  }

  @Test
  void tartanIsComparedAtNoLessRecall() {
    List<ObjectNode> results = new ArrayList<>();
    results.add(judged("e", "quick", 0.8, 100));
    results.add(judged("e", "beaten", 0.7, 90));
    results.add(judged("e", "good", 0.99, 10));
    results.add(judged("tartan", "careless", 0.79, 900));
    results.add(judged("tartan", "careful", 0.9, 300));

    String report = new CompareReport(results).markdown();

    assertTrue(
        report.contains("| e 2 | quick | 0.800 | 100.0 | 2 bits, careful | 0.900 | 300.0 | 3.0 |"),
        report);
    assertTrue(report.contains("| e 2 | good | 0.990 | 10.0 | not reached | - | - | - |"), report);
    assertFalse(report.contains("| e 2 | beaten | 0.7"), report);
    assertTrue(report.contains("| tartan 2 | 0.900 | 900.0 | 300.0 | 300.0 | - |"), report);
  }

  private static ObjectNode judged(String engine, String settings, double recall, double rate) {
    return point(engine, 2, settings, 10).put("recall@10", recall).put("queries_a_second", rate);
  }

  private static ObjectNode point(String engine, int bits, String settings, int k) {
    ObjectNode line = JSON.createObjectNode().put("engine", engine).put("nbits", bits);
    line.put("settings", settings).put("k", k).put("threads", 1).put("tokens", 10);
    return line.put("build_seconds", 1);
  }

  /** Ten passages a query, from a first one on. */
  private static void passages(Path file, int... firsts) {
    try (NpyWriter out = new NpyWriter(file, DType.I32, 10)) {
      for (int first : firsts) {
        out.writeInts(ascending(first));
      }
    }
  }

  private static int[] ascending(int first) {
    int[] passages = new int[10];
    for (int i = 0; i < passages.length; i++) {
      passages[i] = first + i;
    }
    return passages;
  }
}
