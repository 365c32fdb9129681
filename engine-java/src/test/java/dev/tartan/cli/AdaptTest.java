package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Queries;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.train.TinyTraining;
import dev.tartan.train.synthetic.FakeLlm;
import dev.tartan.train.synthetic.FakeLlm.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a collection without queries to an adapted model, with a language model of this process. */
class AdaptTest {
  private static final String SECRET = "sk-very-secret-0123456789";
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;
  private Path out;
  private Path docs;
  private FakeLlm server;

  @BeforeEach
  void open() throws IOException {
    out = directory.resolve("model");
    docs = Files.write(directory.resolve("docs.jsonl"), Samples.abstracts(60));
    server = new FakeLlm();
  }

  @AfterEach
  void close() {
    server.close();
  }

  private Object[] words(Object... more) {
    List<Object> args = new ArrayList<>(List.of("adapt", "--collection", docs, "--out", out));
    args.addAll(List.of("--llm-url", server.address(), "--llm-model", "strong"));
    args.addAll(List.of("--prompt-passages", 4, "--prompts", 3, "--seed", 1));
    args.addAll(List.of(more));
    return args.toArray();
  }

  private Typed adapt(Object... more) {
    return Typed.run(words(more));
  }

  private Path file(String name) {
    return out.resolve("adapt").resolve(name);
  }

  private static int sum(JsonNode numbers) {
    int sum = 0;
    for (JsonNode number : numbers) {
      sum += number.asInt();
    }
    return sum;
  }

  /** Every number that should be a sum of others is. */
  private static void addsUp(JsonNode report) {
    for (String stage : List.of("prompts", "queries")) {
      JsonNode count = report.path(stage);
      int parts =
          count.path("answered").asInt()
              + count.path("failed").asInt()
              + count.path("notAsked").asInt();
      assertEquals(count.path("planned").asInt(), parts, report.toString());
      assertEquals(count.path("failed").asInt(), sum(count.path("failedBy")), report.toString());
    }
    JsonNode trip = report.path("roundTrip");
    if (!trip.isMissingNode()) {
      int parts =
          trip.path("kept").asInt()
              + trip.path("filtered").asInt()
              + trip.path("duplicates").asInt();
      assertEquals(report.path("queries").path("answered").asInt(), parts, report.toString());
      assertEquals(
          trip.path("kept").asInt(),
          report.path("examples").path("written").asInt()
              + report.path("examples").path("rankingTooShort").asInt());
    }
  }

  @Test
  void endToEnd() throws IOException {
    assumeTrue(Files.isDirectory(TinyTraining.GOLDEN), "no golden fixtures");
    TinyTraining tiny = new TinyTraining(directory);
    Path model = TinyTraining.GOLDEN.resolve("bert-colbert");
    Path teacher = TinyTraining.GOLDEN.resolve("bert-cross-encoder");
    docs = tiny.collection;
    server.with(
        a ->
            a.model().equals("cheap") && a.passage().length() % 5 == 0
                ? Answer.says("")
                : FakeLlm.well(a));
    Object[] more = {
      "--model",
      model,
      "--bulk-llm-model",
      "cheap",
      "--negatives",
      3,
      "--from",
      0,
      "--to",
      8,
      "--cross-encoder",
      teacher,
      "--cross-encoder",
      teacher,
      "--steps",
      4,
      "--lr",
      1e-3,
      "--batch",
      4,
      "--dropout",
      0,
      "--dev-queries",
      tiny.queries,
      "--dev-qrels",
      tiny.qrels
    };
    JsonNode report = adapt(with(more, "--json")).json();
    addsUp(report);
    assertEquals(report, JSON.readTree(file("report.json").toFile()));
    assertEquals(4, report.path("training").path("steps").asInt());
    assertTrue(report.path("training").has("before"), report.toString());
    assertTrue(report.path("queries").path("failed").asInt() > 0, report.toString());
    assertTrue(Files.exists(out.resolve("artifact.metadata")));
    List<TrainingExample> examples = TrainingExamples.read(file("scored.jsonl"));
    assertEquals(report.path("examples").path("written").asInt(), examples.size());
    Qrels qrels = Qrels.read(file("kept-qrels.tsv"));
    for (TrainingExample example : examples) {
      assertTrue(qrels.judgements(example.queryId()).containsKey(example.passageIds().getFirst()));
      assertEquals(4, example.passageIds().size());
      assertTrue(example.scores() != null);
    }
    Set<String> models = new HashSet<>();
    server.asked.forEach(a -> models.add(a.model() + " " + a.body().path("messages").size()));
    assertTrue(models.contains("strong 2") && models.contains("strong 8"), models.toString());
    assertTrue(models.stream().noneMatch("cheap 2"::equals), models.toString());

    // Again from the start: the same files; gone on with: nothing is asked or trained again.
    Path first = out;
    out = directory.resolve("again");
    adapt(with(more, "--concurrency", 1)).ok();
    for (String name :
        List.of("prompts.json", "kept-queries.jsonl", "mined.jsonl", "scored.jsonl")) {
      assertEquals(
          Files.readString(first.resolve("adapt").resolve(name)),
          Files.readString(file(name)),
          name);
    }
    assertEquals(
        -1, Files.mismatch(first.resolve("model.safetensors"), out.resolve("model.safetensors")));
    int asked = server.asked.size();
    String told = adapt(with(more, "--resume")).ok();
    assertEquals(asked, server.asked.size());
    assertTrue(told.contains(" failed (") && told.contains("empty answer), 0 not asked"), told);
    assertTrue(told.contains("scored by 2 cross-encoders"), told);
    adapt(with(more, "--resume", "--seed", 2)).isWrongUsage("--seed");
  }

  private static Object[] with(Object[] words, Object... more) {
    List<Object> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray();
  }

  @Test
  void stepByStep() throws IOException {
    docs = Files.write(directory.resolve("docs.jsonl"), Samples.abstracts(32));
    String spent = adapt("--passages", 10, "--until", "prompts").ok();
    assertTrue(spent.contains("spent: 20 requests (0 of them retries), 2,000 tokens"), spent);
    assertEquals(20, server.asked.size());
    assertEquals(3, JSON.readTree(file("prompts.json").toFile()).size());
    adapt("--passages", 10, "--until", "queries").fails("holds an adaptation already", "--resume");
    adapt("--passages", 10, "--until", "queries", "--resume").ok();
    assertEquals(30, server.asked.size());
    assertEquals(10, Queries.read(file("queries.jsonl")).size());
    assertEquals(10, Qrels.read(file("qrels.tsv")).queryIds().size());
    List<String> before = Files.readAllLines(file("queries.jsonl"));
    adapt("--passages", 25, "--until", "queries", "--resume").ok();
    assertEquals(45, server.asked.size());
    assertEquals(before, Files.readAllLines(file("queries.jsonl")).subList(0, 10));
    Object[] examples = {"--passages", 25, "--negatives", 4, "--to", 20, "--resume"};
    String told = adapt(with(examples, "--until", "examples")).ok();
    assertTrue(told.contains("not scored"), told);
    assertEquals(5, TrainingExamples.read(file("mined.jsonl")).getFirst().passageIds().size());
    Typed.run(
            "mine",
            "--index",
            file("index"),
            "--queries",
            file("kept-queries.jsonl"),
            "--qrels",
            file("kept-qrels.tsv"),
            "--out",
            directory.resolve("mined.jsonl"),
            "--negatives",
            4,
            "--to",
            20,
            "--seed",
            1)
        .ok();
    assertEquals(-1, Files.mismatch(file("mined.jsonl"), directory.resolve("mined.jsonl")));
    assertEquals(45, server.asked.size());
  }

  @Test
  void anIndexBringsItsModel() throws IOException {
    docs = Files.write(directory.resolve("docs.jsonl"), Samples.abstracts(Samples.DOCUMENTS));
    Object[] more = {"--index", Samples.textIndex(), "--passages", 20, "--until", "examples"};
    JsonNode report =
        adapt(with(more, "--negatives", 4, "--to", 20, "--top", 3, "--per-passage", 2, "--json"))
            .json();
    addsUp(report);
    assertEquals(40, report.path("queries").path("planned").asInt());
    assertEquals(20, report.path("roundTrip").path("duplicates").asInt(), report.toString());
    assertTrue(report.path("roundTrip").path("kept").asInt() >= 18, report.toString());
    assertFalse(Files.exists(file("index")));
    adapt(with(more, "--model", "tartan-mini")).isWrongUsage("--index has a model");
    out = directory.resolve("other");
    adapt("--index", Samples.embeddingIndex()).fails("knows no model to adapt");
  }

  @Test
  void killedAndGoneOnWith() throws Exception {
    SplittableRandom random = new SplittableRandom(11);
    Object[] words = words("--passages", 50, "--until", "queries", "--concurrency", 3, "--resume");
    server.with(a -> FakeLlm.well(a).after(40));
    int twice = 0;
    for (int kill = 0; kill < 3; kill++) {
      int end = server.asked.size() + 3 + random.nextInt(12);
      Process child = Typed.start(directory.resolve("err"), words);
      long patience = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
      while (server.asked.size() < end) {
        assertTrue(child.isAlive() && System.nanoTime() < patience, errors());
        Thread.sleep(1);
      }
      child.destroyForcibly().waitFor();
      twice += 3;
      assertFalse(Files.exists(file("queries.jsonl")));
    }
    Typed.run(words).ok();
    Map<String, Integer> times = new HashMap<>();
    server.asked.forEach(a -> times.merge(a.body().toString(), 1, Integer::sum));
    assertEquals(4 * 5 + 50, times.size());
    // What was on its way when the process died nobody heard; all else was asked once.
    assertTrue(server.asked.size() <= times.size() + twice, server.asked.size() + " asks");
    assertTrue(times.values().stream().allMatch(n -> n <= 4));
    Set<String> answered = new HashSet<>();
    for (String line : Files.readAllLines(file("journal.jsonl"))) {
      JsonNode entry = JSON.readTree(line);
      String key = entry.path("prompt").asText() + " " + entry.path("passage").asText();
      assertTrue(answered.add(key), key + " was asked though there was an answer");
    }
    List<String> resumed = Files.readAllLines(file("queries.jsonl"));
    out = directory.resolve("whole");
    adapt("--passages", 50, "--until", "queries").ok();
    assertEquals(resumed, Files.readAllLines(file("queries.jsonl")));
  }

  private String errors() throws IOException {
    return Files.readString(directory.resolve("err"));
  }

  @Test
  void otherOptionsAreRefused() throws IOException {
    Object[] same = {"--passages", 5, "--until", "queries", "--resume"};
    adapt(same).ok();
    int asked = server.asked.size();
    adapt(with(same, "--bulk-llm-model", "x")).fails("--bulk-llm-model was 'strong', now 'x'");
    adapt(with(same, "--llm-fields", "{\"top_p\": 1}")).fails("--bulk-llm-fields was '{}', now");
    adapt(with(same, "--per-passage", 2)).fails("--per-passage was '1', now '2'");
    adapt(with(same, "--language", "de")).fails("--language was '', now 'de'");
    Files.write(docs, Samples.abstracts(59));
    adapt(same).fails("run.json is of a run with other options: the content of --collection was");
    Files.write(docs, Samples.abstracts(60));
    adapt(same).ok();
    assertEquals(asked, server.asked.size());
    String journal = Files.readString(file("journal.jsonl"));
    Files.writeString(file("journal.jsonl"), "{\n" + journal);
    adapt(same).fails("journal.jsonl, line 1: is damaged");
    Files.writeString(file("journal.jsonl"), journal.substring(0, journal.length() - 5));
    adapt(same).ok();
    assertEquals(asked + 1, server.asked.size());
  }

  @Test
  void aRunThatGotNoAnswerMayBeginAnew() throws IOException {
    Object[] more = {"--passages", 5, "--until", "queries"};
    server.with(_ -> Answer.of(404, "{\"error\": {\"message\": \"no model x\"}}"));
    adapt(with(more, "--bulk-llm-model", "x")).fails("no such model or address (404: no model x)");
    server.with(_ -> Answer.of(422, "{\"error\": {\"message\": \"unknown field\"}}"));
    adapt(with(more, "--llm-fields", "{\"a\": 1}")).fails("the last 10 asks", "422: unknown field");
    server.with(FakeLlm::well);
    String told = adapt(more).ok();
    assertTrue(told.contains("prompts: 20 planned of 4 passages: 20 answered"), told);
    adapt(more).fails("holds an adaptation already");
  }

  @Test
  void theBudgetEndsTheAsking() throws IOException {
    Object[] more = {"--passages", 30, "--until", "queries"};
    adapt(with(more, "--max-requests", 15))
        .fails("the budget of 15 requests ended before the prompts were there (5 of 20 asks left)");
    adapt(with(more, "--max-requests", 20, "--resume"))
        .fails(
            "no answer of the language model is a query", "30 not asked", "20 requests is used up");
    JsonNode report = adapt(with(more, "--max-requests", 32, "--resume", "--json")).json();
    addsUp(report);
    assertEquals(32, server.asked.size());
    assertEquals(18, report.path("queries").path("notAsked").asInt());
    assertEquals(12, Queries.read(file("queries.jsonl")).size());
    assertEquals(32, report.path("spent").path("requests").asInt());
    String told = adapt(with(more, "--max-requests", 32, "--resume")).ok();
    assertTrue(told.contains("; the budget of 32 requests is used up"), told);
    assertEquals(3200, report.path("spent").path("promptTokens").asInt());
  }

  @Test
  void nothingButNonsense() throws IOException {
    server.with(_ -> Answer.says("I'm sorry, but I can't."));
    adapt("--until", "queries", "--passages", 3)
        .fails(
            "no answer of the language model is a query: 20 failed {refusal=20}", "journal.jsonl");
    out = directory.resolve("other");
    server.with(a -> a.body().path("messages").size() < 8 ? FakeLlm.well(a) : Answer.of(200, "{"));
    adapt("--until", "queries", "--passages", 3).fails("3 failed {body is no JSON=3}");
    assertTrue(Files.exists(file("prompts.json")));
  }

  @Test
  void theKeyIsNeitherPrintedNorKept() throws Exception {
    server.with(
        a ->
            ("Bearer " + SECRET).equals(a.authorization())
                ? FakeLlm.well(a)
                : Answer.of(401, "{\"error\": {\"message\": \"bad " + a.authorization() + "\"}}"));
    Object[] more = words("--passages", 5, "--until", "queries", "--llm-key", "MY_KEY", "--resume");
    Path err = directory.resolve("err");
    assertEquals(1, Typed.start(err, Map.of("MY_KEY", "wrong-secret"), more).waitFor());
    assertTrue(errors().contains("tartan: strong at " + server.address()), errors());
    assertTrue(errors().contains("refuses the key in MY_KEY (401: bad Bearer ***)"), errors());
    assertFalse(errors().contains("wrong-secret"), errors());
    assertTrue(server.asked.size() <= 4, server.asked.size() + " asks");
    assertEquals(0, Typed.start(err, Map.of("MY_KEY", SECRET), more).waitFor(), errors());
    assertFalse(errors().contains(SECRET), errors());
    try (var files = Files.walk(out)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertFalse(Files.readString(file).contains(SECRET), file.toString());
      }
    }
    adapt("--llm-key", "NO_SUCH_VARIABLE").isWrongUsage("no variable NO_SUCH_VARIABLE");
    Typed given = adapt("--llm-key", SECRET);
    given.isWrongUsage("name a variable, not the key");
    assertFalse(given.err().contains(SECRET));
  }

  @Test
  void mistakesAreNamed() throws IOException {
    adapt("--per-passage", 4).isWrongUsage("--per-passage is 4");
    adapt("--concurrency", 0).isWrongUsage("--concurrency must lie");
    adapt("--max-tokens", -1).isWrongUsage("must not be negative");
    adapt("--llm-fields", "{").isWrongUsage("is no JSON");
    adapt("--bulk-llm-url", "nowhere").isWrongUsage("'nowhere' is no address");
    adapt("--until", "yesterday").isWrongUsage("--until");
    adapt("--negatives", 200).isWrongUsage("200 negatives");
    adapt("--cross-encoder", directory).fails("config.json");
    adapt("--dev-queries", docs, "--dev-qrels", directory.resolve("no.tsv")).fails("no such file");
    Files.writeString(docs, "{\"_id\": \"1\", \"text\": \" \"}\n");
    adapt().fails("has 0 documents with text");
    assertEquals(0, server.asked.size());
    assertFalse(Files.exists(out.resolve("adapt")));
  }
}
