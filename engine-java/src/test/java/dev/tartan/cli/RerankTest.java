package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.collection.Ranked;
import dev.tartan.collection.Run;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reranking without an index. */
class RerankTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path GOLDEN = Path.of(System.getProperty("tartan.shared", "."), "golden");
  private static final String QUERY = "regulatory T cells expressing CD127 and FoxP3";
  private static final String ANSWER = "266641";

  @TempDir Path directory;
  private Path docs = Path.of("");
  private Path asked = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void write() throws IOException {
    docs = Files.write(directory.resolve("d.jsonl"), Samples.abstracts(Samples.DOCUMENTS));
    asked =
        Files.writeString(directory.resolve("q.tsv"), "a\t" + QUERY + "\nb\tmigraine and stroke\n");
    out = directory.resolve("out.trec");
  }

  private Typed rerank(Object... more) {
    List<Object> args = new ArrayList<>(List.of("rerank", "--collection", docs));
    args.addAll(List.of(more));
    return Typed.run(args.toArray());
  }

  @Test
  void oneQueryRanksAWholeCollection() throws IOException {
    List<String> lines = rerank(QUERY, "-k", 3).ok().lines().toList();
    assertEquals(3, lines.size());
    assertTrue(lines.getFirst().matches("  1 +[0-9.]+  " + ANSWER + " .*CD127.*"), lines + "");
    JsonNode json = rerank(QUERY, "--json").json();
    assertEquals(QUERY, json.path("query").asText());
    assertEquals(10, json.path("hits").size());
    assertEquals(ANSWER, json.at("/hits/0/id").asText());
    assertTrue(json.at("/hits/0/text").asText().startsWith("CD127"), json.toString());
  }

  /** The same model without compression: as an index of 16 bits that scores all. */
  @Test
  void scoresAreThoseOfAnUncompressedIndex() throws IOException {
    Path index = directory.resolve("index");
    Typed.run("index", "--collection", docs, "--index", index, "--nbits", 16).ok();
    Path searched = directory.resolve("searched.trec");
    Typed.run(
            "search",
            "--index",
            index,
            "--queries",
            asked,
            "--run",
            searched,
            "--exhaustive",
            "-k",
            40)
        .ok();
    String told = rerank("--queries", asked, "--out", out, "-k", 40).ok();
    assertTrue(told.startsWith(out + ": 2 queries, 80 pairs scored in "), told);
    for (String query : List.of("a", "b")) {
      Map<String, Double> expected = scores(Run.read(searched), query);
      Map<String, Double> actual = scores(Run.read(out), query);
      assertEquals(expected.keySet(), actual.keySet());
      expected.forEach((id, score) -> assertEquals(score, actual.get(id), 0.02, id));
    }
  }

  private static Map<String, Double> scores(Run run, String query) {
    Map<String, Double> scores = new LinkedHashMap<>();
    run.ranking(query).forEach(ranked -> scores.put(ranked.documentId(), ranked.score()));
    return scores;
  }

  @Test
  void aRunIsRerankedWithNothingElse() throws IOException {
    rerank("--queries", asked, "--out", out, "-k", 40).ok();
    Run all = Run.read(out);
    List<String> some = all.ranking("a").stream().map(Ranked::documentId).skip(5).limit(9).toList();
    Path run = directory.resolve("in.trec");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < some.size(); i++) { // upside down
      lines.add("a Q0 %s %d %d.5 bm25".formatted(some.get(some.size() - 1 - i), i + 1, 100 - i));
    }
    Files.write(run, lines);
    Path again = directory.resolve("again.trec");
    Typed typed = rerank("--queries", asked, "--run", run, "--out", again, "--json");
    JsonNode told = typed.json();
    assertEquals(9, told.path("pairs").asInt());
    assertEquals(1, told.path("queries").asInt());
    assertTrue(typed.err().contains("note: 1 queries have no document in "), typed.err());
    List<Ranked> ranking = Run.read(again).ranking("a");
    assertEquals(some, ranking.stream().map(Ranked::documentId).toList());
    Map<String, Double> scores = scores(all, "a");
    for (Ranked ranked : ranking) {
      assertEquals(scores.get(ranked.documentId()), ranked.score(), 1e-4);
    }
    rerank("--queries", asked, "--run", run, "--out", again, "--candidates", 4, "-k", 2).ok();
    assertEquals(
        some.subList(5, 7), Run.read(again).ranking("a").stream().map(Ranked::documentId).toList());
  }

  @Test
  void mistakesAreNamed() throws IOException {
    Path run = directory.resolve("in.trec");
    Files.writeString(run, "a Q0 " + ANSWER + " 1 9 x\na Q0 nowhere 2 8 x\na Q0 lost 3 7 x\n");
    rerank("--queries", asked, "--run", run, "--out", out)
        .fails("2 of the documents to rank are not in", "d.jsonl", "'nowhere'");
    Files.writeString(run, "x Q0 " + ANSWER + " 1 9 x\n");
    rerank("--queries", asked, "--run", run, "--out", out).fails("query 'x' is not in", "q.tsv");
    Files.write(docs, List.of("1\ta text", "1\tanother"));
    docs = Files.move(docs, directory.resolve("d.tsv"));
    rerank(QUERY).fails("line 2: duplicate id '1'");
    rerank("--model", directory.resolve("none"), QUERY).fails("d.tsv");
    assertFalse(Files.exists(out));
    try (var files = Files.list(directory)) {
      assertFalse(files.anyMatch(file -> file.toString().endsWith(".part")));
    }
  }

  @Test
  void documentsWithoutTextAreLeftOut() throws IOException {
    docs = Files.write(directory.resolve("d.tsv"), List.of("1\t ", "2\tred fish", "3\tblue"));
    JsonNode hits = rerank("fish", "--json").json().path("hits");
    assertEquals(2, hits.size());
    assertEquals("2", hits.at("/0/id").asText());
  }

  private void goldenCollection(List<String> texts) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      lines.add(JSON.writeValueAsString(Map.of("_id", "p" + i, "text", texts.get(i))));
    }
    docs = Files.write(directory.resolve("golden.jsonl"), lines);
  }

  /** A blank query is refused: those of the references are left out. */
  private void goldenQueries(List<String> texts) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      if (texts.get(i).isBlank()) {
        continue;
      }
      lines.add(JSON.writeValueAsString(Map.of("_id", "q" + i, "text", texts.get(i))));
    }
    asked = Files.write(directory.resolve("golden-queries.jsonl"), lines);
  }

  private static List<String> strings(JsonNode list) {
    List<String> strings = new ArrayList<>();
    list.forEach(text -> strings.add(text.asText()));
    return strings;
  }

  private static Matrix floats(Path file, int columns, Arena arena) {
    try (NpyFile npy = NpyFile.open(file)) {
      long values = 1;
      for (long extent : npy.shape()) {
        values *= extent;
      }
      Matrix matrix = Matrix.allocate(arena, values / columns, columns);
      npy.readFloats(0, values, matrix.data());
      return matrix;
    }
  }

  @Test
  void crossEncoderScoresAreTheReferences() throws IOException {
    Path model = GOLDEN.resolve("bert-cross-encoder");
    assumeTrue(Files.isDirectory(model), "no golden fixtures: set -Dtartan.shared=DIR");
    JsonNode pairs = JSON.readTree(model.resolve("expected/pairs.json").toFile()).path("pairs");
    List<String> queries = new ArrayList<>();
    List<String> passages = new ArrayList<>();
    List<String> lines = new ArrayList<>();
    List<int[]> places = new ArrayList<>();
    for (JsonNode pair : pairs) {
      int q = place(queries, pair.path(0).asText());
      int p = place(passages, pair.path(1).asText());
      places.add(new int[] {q, p});
      if (pair.path(0).asText().isBlank()) {
        continue;
      }
      lines.add("q%d Q0 p%d %d %d x".formatted(q, p, lines.size() + 1, 1000 - lines.size()));
    }
    goldenQueries(queries);
    goldenCollection(passages);
    Path run = Files.write(directory.resolve("in.trec"), lines);
    rerank(
            "--cross-encoder",
            model,
            "--max-length",
            256,
            "--queries",
            asked,
            "--run",
            run,
            "--out",
            out)
        .ok();
    Run reranked = Run.read(out);
    try (Arena arena = Arena.ofConfined()) {
      Matrix logits = floats(model.resolve("expected/logits.npy"), 1, arena);
      for (int i = 0; i < places.size(); i++) {
        if (queries.get(places.get(i)[0]).isBlank()) {
          continue;
        }
        double score = scores(reranked, "q" + places.get(i)[0]).get("p" + places.get(i)[1]);
        assertEquals(logits.data().getAtIndex(Layouts.F32, i), score, 1e-4, "pair " + i);
      }
    }
  }

  private static int place(List<String> texts, String text) {
    if (!texts.contains(text)) {
      texts.add(text);
    }
    return texts.indexOf(text);
  }

  @Test
  void maxSimScoresAreTheReferences() throws IOException {
    Path model = GOLDEN.resolve("bert-colbert");
    assumeTrue(Files.isDirectory(model), "no golden fixtures: set -Dtartan.shared=DIR");
    JsonNode texts = JSON.readTree(model.resolve("expected/texts.json").toFile());
    List<String> queries = strings(texts.path("queries"));
    List<String> documents = strings(texts.path("documents"));
    goldenQueries(queries);
    goldenCollection(documents);
    rerank("--model", model, "--queries", asked, "--out", out, "-k", 1000).ok();
    Run ranked = Run.read(out);
    try (Arena arena = Arena.ofConfined()) {
      Matrix expected = floats(model.resolve("expected/scores.npy"), documents.size(), arena);
      for (int q = 0; q < queries.size(); q++) {
        if (queries.get(q).isBlank()) {
          continue;
        }
        Map<String, Double> scores = scores(ranked, "q" + q);
        for (int d = 0; d < documents.size(); d++) {
          Double score = scores.get("p" + d);
          assertEquals(documents.get(d).isBlank(), score == null, "document " + d);
          if (score != null) {
            assertEquals(expected.get(q, d), score, 1e-3, "query " + q + " document " + d);
          }
        }
      }
    }
  }
}
