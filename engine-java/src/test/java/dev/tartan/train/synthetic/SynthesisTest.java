package dev.tartan.train.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.Backoff;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.FakeLlm.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many asks at a time, cut off and gone on with. */
class SynthesisTest {
  private static final int PASSAGES = 40;
  private static final String TEXT = "a passage of number %d about topic %d and much else";

  @TempDir Path directory;
  private Path file;
  private FakeLlm server;
  private List<Ask> asks;

  @BeforeEach
  void open() throws IOException {
    file = directory.resolve("journal.jsonl");
    server = new FakeLlm();
    List<Passage> passages = new ArrayList<>();
    for (int i = 0; i < PASSAGES; i++) {
      passages.add(new Passage("d" + i, TEXT.formatted(i, i * i)));
    }
    asks = Ask.spread(Prompts.general(), passages, 2);
  }

  @AfterEach
  void close() {
    server.close();
  }

  private LlmClient client() {
    return new LlmClient(
        Llm.of(server.address(), "m", null, "{}"),
        new LlmClient.Patience(Duration.ofSeconds(5), 1, new Backoff(1)));
  }

  /** Runs all asks that are left; gives the queries and what became of the asks. */
  private AskCount run(int concurrency, long requests, long tokens) {
    try (Journal journal = Journal.open(file);
        LlmClient client = client()) {
      Budget budget = new Budget(requests, tokens, journal);
      new Synthesis(journal, budget, concurrency, Progress.NONE).ask("asking", client, asks);
      return AskCount.of(asks, journal);
    }
  }

  private List<SyntheticQuery> queries() {
    try (Journal journal = Journal.open(file)) {
      return SyntheticQuery.of(asks, journal);
    }
  }

  private Map<String, Integer> timesAsked() {
    Map<String, Integer> times = new HashMap<>();
    server.asked.forEach(a -> times.merge(a.body().toString(), 1, Integer::sum));
    return times;
  }

  private static int number(FakeLlm.Asked asked) {
    return Integer.parseInt(asked.passage().replaceAll("^a passage of number (\\d+) .*", "$1"));
  }

  /** Good answers and bad ones, by the number of the passage. */
  private static Answer mixed(FakeLlm.Asked asked) {
    return switch (number(asked) % 8) {
      case 0 -> Answer.says("");
      case 1 -> Answer.says("I'm sorry, no.");
      case 2 -> asked.nth() == 1 ? Answer.later(429, "0") : FakeLlm.well(asked);
      case 3 -> asked.nth() == 1 ? FakeLlm.well(asked).cutAfter(3) : FakeLlm.well(asked);
      case 4 -> Answer.of(200, "no json");
      default -> FakeLlm.well(asked).after(number(asked) % 3);
    };
  }

  @Test
  void whateverTheConcurrencyTheResultIsTheSame() throws IOException {
    List<List<SyntheticQuery>> results = new ArrayList<>();
    for (int concurrency : new int[] {1, 3, 16}) {
      Files.deleteIfExists(file);
      server.close();
      server = new FakeLlm().with(SynthesisTest::mixed);
      AskCount count = run(concurrency, 0, 0);
      assertEquals(
          Map.of("empty answer", 10, "refusal", 10, "body is no JSON", 10), count.failedBy());
      assertEquals(new AskCount(80, 50, 30, count.failedBy(), 0), count);
      assertEquals(100, server.asked.size());
      results.add(queries());
    }
    assertEquals(results.get(0), results.get(1));
    assertEquals(results.get(0), results.get(2));
    assertEquals(50, results.getFirst().size());
    assertEquals(
        "s5", results.getFirst().getFirst().query().id()); // after two passages that failed
  }

  @Test
  void nothingThatWasAnsweredIsAskedAgain() throws IOException {
    server.with(SynthesisTest::mixed);
    run(4, 0, 0);
    List<SyntheticQuery> whole = queries();
    byte[] journal = Files.readAllBytes(file);
    SplittableRandom random = new SplittableRandom(7);
    for (int trial = 0; trial < 10; trial++) {
      server.close();
      server = new FakeLlm().with(SynthesisTest::mixed);
      int cut = random.nextInt(journal.length + 1);
      Files.write(file, Arrays.copyOf(journal, cut));
      long lines = 0;
      for (int i = 0; i < cut; i++) {
        lines += journal[i] == '\n' ? 1 : 0;
      }
      run(4, 0, 0);
      assertEquals(whole, queries(), "cut at " + cut);
      assertEquals(80 - lines, timesAsked().size(), "cut at " + cut);
    }
  }

  @Test
  void whatWasNotAnsweredIsAskedAgain() {
    server.with(a -> number(a) % 4 == 0 ? Answer.later(503, "0") : FakeLlm.well(a));
    AskCount first = run(1, 0, 0);
    assertEquals(Map.of("server failure", 20), first.failedBy());
    server.with(FakeLlm::well);
    AskCount second = run(1, 0, 0);
    assertEquals(new AskCount(80, 80, 0, Map.of(), 0), second);
    assertEquals(60 + 40 + 20, server.asked.size());
    try (Journal journal = Journal.open(file)) {
      assertEquals(120, journal.requests());
      assertEquals(20, journal.retries());
    }
  }

  @Test
  void theBudgetIsForAllRuns() {
    AskCount count = run(4, 30, 0);
    assertEquals(new AskCount(80, 30, 0, Map.of(), 50), count);
    assertEquals(count, run(4, 30, 0));
    assertEquals(30, server.asked.size());
    assertEquals(new AskCount(80, 33, 0, Map.of(), 47), run(4, 33, 0));
    assertEquals(33, server.asked.size());
    assertEquals(33, timesAsked().size());
    run(2, 0, 1);
    assertEquals(33, server.asked.size(), "no token is left");
  }

  @Test
  void tokensGoBeyondTheBudgetByWhatIsOnItsWay() {
    AskCount count = run(3, 0, 1000);
    assertTrue(count.answered() >= 5 && count.answered() < 10 + 3, count.toString());
    assertEquals(80, count.answered() + count.notAsked());
  }

  @Test
  void aServerThatAnswersNothingIsGivenUp() {
    server.with(_ -> Answer.of(400, "{\"error\": {\"message\": \"unknown field max_tokens\"}}"));
    TartanException e = assertThrows(TartanException.class, () -> run(2, 0, 0));
    assertTrue(
        e.getMessage()
            .contains(
                "did not answer the last 10 asks (request rejected, 400: unknown field max_tokens)"),
        e.getMessage());
    assertTrue(server.asked.size() <= 12, server.asked.size() + " asks");
    server.with(FakeLlm::well);
    assertEquals(new AskCount(80, 80, 0, Map.of(), 0), run(2, 0, 0));
  }

  @Test
  void aKeyThatIsRefusedMidwayLosesNothing() {
    server.with(a -> server.asked.size() > 20 ? Answer.of(401, "") : FakeLlm.well(a));
    TartanException e = assertThrows(TartanException.class, () -> run(4, 0, 0));
    assertTrue(e.getMessage().contains("wants a key (401"), e.getMessage());
    int answered = queries().size();
    assertTrue(answered >= 17 && answered <= 20, answered + " answered");
    assertTrue(server.asked.size() <= 28, server.asked.size() + " asks");
  }

  @Test
  void promptsAreOfTheCollectionAndTheSeed() {
    run(4, 0, 0);
    try (Journal journal = Journal.open(file)) {
      List<Prompt.Demonstration> shown = Prompts.demonstrations(asks, journal);
      assertEquals(80, shown.size());
      List<Prompt> prompts = Prompts.adapted(shown, 6, 3);
      assertEquals(prompts, Prompts.adapted(shown, 6, 3));
      checkDistinct(Prompts.adapted(shown.subList(0, 6), 9, 3)); // of three passages, twice each
      assertEquals(
          6,
          new TreeSet<>(prompts.stream().map(p -> p.demonstrations().toString()).toList()).size());
      checkDistinct(prompts);
      List<Message> messages = prompts.getFirst().about("the passage");
      assertEquals(8, messages.size());
      assertEquals("Passage: the passage\n\nQuery:", messages.getLast().content());
      Path written = directory.resolve("prompts.json");
      Prompts.write(written, prompts);
      assertEquals(prompts, Prompts.read(written));
      assertEquals(
          1, Prompts.adapted(shown.subList(0, 1), 1, 3).getFirst().demonstrations().size());
    }
    for (Prompt prompt : Prompts.general()) {
      assertNotNull(prompt.instruction());
    }
    assertEquals(2, Prompts.general().stream().filter(p -> !p.demonstrations().isEmpty()).count());
  }

  private static void checkDistinct(List<Prompt> prompts) {
    for (Prompt prompt : prompts) {
      assertEquals(
          3,
          prompt.demonstrations().stream().map(Prompt.Demonstration::passage).distinct().count());
    }
  }
}
