package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole commands on a small index of real text. */
class EndToEndTest {
  private static final String QUERY = "regulatory T cells expressing CD127 and FoxP3";
  private static final String ANSWER = "266641";

  @TempDir Path directory;

  @Test
  void searchPrintsHitsOnStdoutAndTheRestOnStderr() throws IOException {
    Typed typed = Typed.run("search", "--index", Samples.textIndex(), QUERY, "-k", 3);
    List<String> lines = typed.ok().lines().toList();
    assertEquals(3, lines.size(), typed.out());
    assertTrue(lines.getFirst().matches("  1 +[0-9.]+  " + ANSWER + " .*CD127.*"), typed.out());
    assertTrue(lines.stream().allMatch(line -> line.length() <= 100), typed.out());
    assertTrue(typed.err().matches("(?s)note: 3 hits in .* ms, .*nprobe .*\\R"), typed.err());
  }

  @Test
  void explainShowsWhatEachTokenMatched() throws IOException {
    String out =
        Typed.run("search", "--index", Samples.textIndex(), QUERY, "-k", 1, "--explain").ok();
    assertTrue(out.contains("why " + ANSWER + " scores "), out);
    assertTrue(
        Pattern.compile("(?m)^  cells +[0-9.]+ #+ +.*\\[cells?\\].*$").matcher(out).find(), out);
  }

  @Test
  void jsonHoldsHitsTextsAndExplanations() throws IOException {
    JsonNode json =
        Typed.run("search", "--index", Samples.textIndex(), QUERY, "-k", 2, "--json", "--explain")
            .json();
    assertEquals(QUERY, json.path("query").asText());
    assertEquals(2, json.path("hits").size());
    JsonNode first = json.path("hits").path(0);
    assertEquals(ANSWER, first.path("id").asText());
    assertTrue(first.path("text").asText().startsWith("CD127 expression"), first.toString());
    double sum = 0;
    for (JsonNode match : first.path("explanation").path("matches")) {
      sum += match.path("similarity").asDouble();
    }
    assertEquals(first.path("score").asDouble(), sum, 1e-3);
  }

  @Test
  void exhaustiveReferenceAndThreadsFindTheSame() throws IOException {
    Path index = Samples.textIndex();
    String plain = Typed.run("search", "--index", index, QUERY, "-k", 5).ok();
    assertEquals(plain, Typed.run("search", "--index", index, QUERY, "-k", 5, "--threads", 1).ok());
    JsonNode exact = Typed.run("search", "--index", index, QUERY, "--exhaustive", "--json").json();
    assertTrue(
        exact.path("settings").asText().startsWith("every passage scored"), exact.toString());
    assertEquals(ANSWER, exact.at("/hits/0/id").asText());
    JsonNode slow =
        Typed.run("search", "--index", index, QUERY, "--backend", "reference", "--json").json();
    assertEquals(ANSWER, slow.at("/hits/0/id").asText());
  }

  @Test
  void manyQueriesGiveARunThatEvalMeasures() throws IOException {
    List<String> queries = new ArrayList<>();
    List<String> qrels = new ArrayList<>(List.of("query-id\tcorpus-id\tscore"));
    for (String line : Samples.abstracts(Samples.DOCUMENTS)) {
      JsonNode record = new com.fasterxml.jackson.databind.ObjectMapper().readTree(line);
      String id = record.path("_id").asText();
      queries.add("q" + id + "\t" + record.path("title").asText());
      qrels.add("q" + id + "\t" + id + "\t1");
    }
    Path asked = Files.write(directory.resolve("q.tsv"), queries);
    Path judged = Files.write(directory.resolve("qrels.tsv"), qrels);
    Path run = directory.resolve("out.trec");
    String told =
        Typed.run("search", "--index", Samples.textIndex(), "--queries", asked, "--run", run).ok();
    assertTrue(told.startsWith(run + ": 40 queries in "), told);
    List<String> lines = Files.readAllLines(run);
    assertEquals(400, lines.size());
    assertTrue(lines.getFirst().matches("q\\S+ Q0 \\S+ 1 [0-9.]+ tartan"), lines.getFirst());

    JsonNode eval = Typed.run("eval", "--qrels", judged, "--run", run, "--json").json();
    assertTrue(eval.path("nDCG@10").asDouble() > 0.98, eval.toString());
    assertEquals(40, eval.path("judgedQueries").asInt());
    String text = Typed.run("eval", "--qrels", judged, "--run", run, "--per-query").ok();
    assertEquals(40, text.lines().filter(line -> line.startsWith("q")).count());
    assertTrue(text.endsWith("40 judged queries\n"), text);
  }

  @Test
  void encodedTextsIndexAndSearchLikeTheTexts() throws IOException {
    Path docs = Files.write(directory.resolve("d.jsonl"), Samples.abstracts(Samples.DOCUMENTS));
    Path asked = Files.writeString(directory.resolve("q.tsv"), "a\t" + QUERY + "\nb\tmigraine\n");
    Path rows = directory.resolve("d.npy");
    Path lengths = directory.resolve("n.npy");
    Path ids = directory.resolve("ids.txt");
    Path queryRows = directory.resolve("q.npy");
    Path queryIds = directory.resolve("qids.txt");
    String told =
        Typed.run("encode", "--collection", docs, "--out", rows, "--doclens", lengths, "--ids", ids)
            .ok();
    assertTrue(told.matches("(?s).*d\\.npy: \\[\\d+, 128\\] F16\\R"), told);
    told = Typed.run("encode", "--queries", asked, "--out", queryRows, "--ids", queryIds).ok();
    assertTrue(told.matches("(?s).*q\\.npy: \\[2, \\d+, 128\\] F16\\R"), told);

    Path index = directory.resolve("index");
    Typed.run("index", "--embeddings", rows, "--doclens", lengths, "--ids", ids, "--index", index)
        .ok();
    Path ofRows = directory.resolve("rows.trec");
    Typed.run(
            "search",
            "--index",
            index,
            "--query-embeddings",
            queryRows,
            "--query-ids",
            queryIds,
            "--run",
            ofRows,
            "--exhaustive",
            "-k",
            5)
        .ok();
    Path ofTexts = directory.resolve("texts.trec");
    Typed.run(
            "search",
            "--index",
            Samples.textIndex(),
            "--queries",
            asked,
            "--run",
            ofTexts,
            "--exhaustive",
            "-k",
            5)
        .ok();
    assertEquals(10, Files.readAllLines(ofRows).size());
    assertEquals(column(ofTexts, 2).getFirst(), column(ofRows, 2).getFirst());
    assertEquals(column(ofTexts, 0), column(ofRows, 0));
    Typed.run("search", "--index", index, "words").fails("--query-embeddings");
  }

  private static List<String> column(Path run, int column) throws IOException {
    return Files.readAllLines(run).stream().map(line -> line.split(" ", -1)[column]).toList();
  }

  @Test
  void infoAndVerifyTellOfTheIndex() throws IOException {
    Path index = Samples.textIndex();
    String info = Typed.run("info", "--index", index, "--verify").ok();
    assertTrue(info.contains("\ndocuments      40\n"), info);
    assertTrue(info.contains("every file matches its checksum"), info);
    JsonNode json = Typed.run("info", "--index", index, "--json").json();
    assertEquals("tartan-mini", json.at("/manifest/model").asText());
    assertTrue(json.path("bytesPerToken").asDouble() > 34, json.toString());
    assertTrue(json.path("bytes").path("residuals").asLong() > 0, json.toString());
    assertTrue(Typed.run("verify", "--index", index).ok().contains("is whole ("));
    assertEquals(
        Samples.files(index).size() - 2, // without the lock and the manifest's copy
        Typed.run("verify", "--index", index, "--json").json().path("files").asInt());
  }

  @Test
  void anIndexIsTunedWithQueriesInWords() throws IOException {
    Path index = Samples.copy(Samples.textIndex(), directory.resolve("index"));
    List<String> queries = new ArrayList<>();
    for (String line : Samples.abstracts(20)) {
      queries.add(new com.fasterxml.jackson.databind.ObjectMapper().readTree(line).toString());
    }
    Path asked = Files.write(directory.resolve("q.jsonl"), queries);
    String told = Typed.run("tune", "--index", index, "--queries", asked, "-k", 3).ok();
    assertTrue(told.contains("\n  k <= 3 "), told);
    JsonNode json =
        Typed.run("search", "--index", index, QUERY, "-k", 3, "--recall", 0.9, "--json").json();
    assertEquals(ANSWER, json.at("/hits/0/id").asText());
    assertTrue(json.path("settings").asText().contains("of the top 3, measured"), json.toString());
  }

  @Test
  void demoUsesTheIndexOfAnEarlierRun() throws IOException {
    Path index = Samples.copy(Samples.textIndex(), directory.resolve("demo"));
    String out = Typed.run("demo", "--index", index).ok();
    assertTrue(out.contains("index of an earlier run"), out);
    assertEquals(3, out.lines().filter(line -> line.startsWith("Evidence about: ")).count(), out);
    assertTrue(out.contains("Where the time went"), out);
    JsonNode json = Typed.run("demo", "--index", index, "--json").json();
    assertEquals(3, json.path("answers").size());
    assertFalse(json.at("/answers/0/hits").isEmpty());
  }

  @Test
  void splitDocumentsAreFoundByTheirBestPassage() throws IOException {
    Path docs = Files.write(directory.resolve("d.jsonl"), Samples.abstracts(4));
    Path index = directory.resolve("index");
    JsonNode told =
        Typed.run(
                "index",
                "--collection",
                docs,
                "--index",
                index,
                "--split",
                16,
                "--nbits",
                4,
                "--no-text",
                "--json")
            .json();
    assertEquals(4, told.path("documents").asInt());
    assertTrue(told.path("passages").asInt() > 8, told.toString());
    JsonNode json = Typed.run("search", "--index", index, QUERY, "--json", "--explain").json();
    assertEquals(4, json.path("hits").size());
    assertEquals(ANSWER, json.at("/hits/0/id").asText());
    assertFalse(json.at("/hits/0").has("text"));
  }

  @Test
  void thePublishedCodecIsAChoice() throws IOException {
    Path docs = Files.write(directory.resolve("d.jsonl"), Samples.abstracts(4));
    for (String codec : List.of("tartan", "colbertv2")) {
      Path index = directory.resolve(codec);
      Typed.run("index", "--collection", docs, "--index", index, "--codec", codec).ok();
      JsonNode told = Typed.run("info", "--index", index, "--json").json().path("manifest");
      assertEquals(codec, told.at("/codecs/0/kind").asText());
      assertEquals(codec.equals("tartan"), told.at("/codecs/0/rotation").asBoolean());
    }
  }
}
