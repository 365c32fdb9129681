package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunTest {
  private static final String WANTED = "; write query-id Q0 document-id rank score tag";

  @TempDir Path directory;
  private TextFiles files = new TextFiles(Path.of(""));

  @BeforeEach
  void setUp() {
    files = new TextFiles(directory);
  }

  @Test
  void writtenLinesWhateverTheLocale() throws IOException {
    Path path = directory.resolve("out.trec");
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      try (RunWriter run = new RunWriter(path, "tartan")) {
        run.write("q1", "d-9", 1, 1234.5f);
        run.write("q1", "ü", 2, Math.nextDown(1234.5f));
      }
    } finally {
      Locale.setDefault(before);
    }
    assertEquals("q1 Q0 d-9 1 1234.5 tartan\nq1 Q0 ü 2 1234.4999 tartan\n", Files.readString(path));
  }

  @Test
  void floatsSurviveTheRoundTrip() throws IOException {
    long seed = 20260101;
    Random random = new Random(seed);
    Path path = directory.resolve("out.trec");
    List<Float> scores = new ArrayList<>();
    try (RunWriter run = new RunWriter(path, "tartan")) {
      while (scores.size() < 2000) {
        float score = Float.intBitsToFloat(random.nextInt());
        if (Float.isFinite(score)) {
          run.write("q", "d" + scores.size(), scores.size() + 1, score);
          scores.add(score);
        }
      }
    }
    double last = Double.POSITIVE_INFINITY;
    for (Ranked hit : Run.read(path).ranking("q")) {
      int document = Integer.parseInt(hit.documentId().substring(1));
      assertEquals(scores.get(document), (float) hit.score(), "seed " + seed);
      assertEquals(true, hit.score() <= last, "seed " + seed);
      last = hit.score();
    }
  }

  @Test
  void readSortsByScoreThenRank() throws IOException {
    String content =
        """
        b Q0 low 1 -1e-3 x
        b Q0 tie2 3 0 x
        a\tQ0\tonly\t0\t5\tx
        b Q0 tie1 2 -0.0 x

        b Q0 high 9 12.5 x
        """;
    Run run = Run.read(files.gzip("r.trec.gz", content));
    assertEquals(List.of("b", "a"), List.copyOf(run.queryIds()));
    assertEquals(
        List.of("high", "tie1", "tie2", "low"),
        run.ranking("b").stream().map(Ranked::documentId).toList());
    assertEquals(List.of(new Ranked("only", 5)), run.ranking("a"));
    assertEquals(List.of(), run.ranking("c"));
  }

  @Test
  void readFailures() {
    String good = "q Q0 d 1 2.5 x\n";
    assertFails("DIR/r.trec: holds no results" + WANTED, "\n");
    assertFails("DIR/r.trec, line 2: has 5 columns: 'q Q0 e 2 1'" + WANTED, good + "q Q0 e 2 1\n");
    assertFails(
        "DIR/r.trec, line 2: the rank 'two' is not a whole number" + WANTED,
        good + "q Q0 e two 1 x\n");
    for (String score : List.of("high", "NaN", "Infinity", "2,5")) {
      assertFails(
          "DIR/r.trec, line 2: the score '" + score + "' is not a finite number" + WANTED,
          good + "q Q0 e 2 " + score + " x\n");
    }
    assertFails(
        "DIR/r.trec, line 3: query 'q' has document 'd' twice; keep one",
        good + "p Q0 d 1 1 x\nq Q0 d 2 1 x\n");
    files.assertFails(
        "cannot read DIR/none: no such file: DIR/none", () -> Run.read(directory.resolve("none")));
  }

  @Test
  void writeFailures() {
    Path path = directory.resolve("w.trec");
    String blank = " is blank or has white space, which a run cannot carry; rename it";
    files.assertFails(
        "cannot write DIR/w.trec: the run tag 'my run'" + blank,
        () -> new RunWriter(path, "my run").close());
    try (RunWriter run = new RunWriter(path, "x")) {
      files.assertFails(
          "cannot write DIR/w.trec: the query id ''" + blank, () -> run.write("", "d", 1, 1));
      files.assertFails(
          "cannot write DIR/w.trec: the document id 'a b'" + blank,
          () -> run.write("q", "a\tb", 1, 1));
      files.assertFails(
          "cannot write DIR/w.trec: the score of document 'd' for query 'q' is NaN, not a finite"
              + " number",
          () -> run.write("q", "d", 1, Float.NaN));
    }
    files.assertFails(
        "cannot write DIR/no/w.trec: no such file: DIR/no/w.trec",
        () -> new RunWriter(directory.resolve("no/w.trec"), "x").close());
  }

  @Test
  void runFromMemoryRefusesADocumentTwice() {
    List<Ranked> twice = List.of(new Ranked("d", 2), new Ranked("d", 1));
    assertThrows(IllegalArgumentException.class, () -> Run.of(Map.of("q", twice)));
  }

  private void assertFails(String message, String content) {
    files.assertFails(message, () -> Run.read(files.write("r.trec", content)));
  }
}
