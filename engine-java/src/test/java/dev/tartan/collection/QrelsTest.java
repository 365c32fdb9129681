package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QrelsTest {
  private static final String WANTED =
      "; write query-id<TAB>corpus-id<TAB>score, or query-id 0 document-id grade";

  @TempDir Path directory;
  private TextFiles files = new TextFiles(Path.of(""));

  @BeforeEach
  void setUp() {
    files = new TextFiles(directory);
  }

  @Test
  void everyForm() throws IOException {
    assertJudgements("query-id\tcorpus-id\tscore\nq\td 1\t2\nq\te\t-1\nr\td 1\t1\n", "d 1");
    assertJudgements("q\td 1\t2\nq\te\t-1\n\nr\td 1\t1", "d 1");
    assertJudgements("q 0 d 2\nq Q0 e -1\nr   0\td 1\n", "d");
    assertJudgements("q\t0\td 1\t2\r\nq\t0\te\t-1\r\nr\t0\td 1\t1\r\n", "d 1");
  }

  @Test
  void queryNamedLikeAHeader() throws IOException {
    Qrels qrels = Qrels.read(files.write("q.tsv", "query\td\t1\n"));
    assertEquals(Map.of("d", 1), qrels.judgements("query"));
  }

  @Test
  void repeatedJudgementIsNoContradiction() throws IOException {
    assertEquals(
        Map.of("d", 1), Qrels.read(files.write("q.tsv", "q\td\t1\nq\td\t1\n")).judgements("q"));
  }

  @Test
  void failures() {
    assertFails("DIR/q.tsv: holds no judgements" + WANTED, "query-id\tcorpus-id\tscore\n");
    assertFails("DIR/q.tsv, line 2: has 2 columns: 'q d'" + WANTED, "q\td\t1\nq\td\n");
    assertFails("DIR/q.tsv, line 2: has 4 columns: 'q 0 d 1'" + WANTED, "q\td\t1\nq 0 d 1\n");
    assertFails(
        "DIR/q.tsv, line 1: the grade 'high' is not a whole number" + WANTED, "q\td\thigh\n");
    assertFails(
        "DIR/q.tsv, line 2: the grade '1.5' is not a whole number" + WANTED, "q 0 d 1\nq 0 e 1.5");
    assertFails("DIR/q.tsv, line 1: has a blank id" + WANTED, "q\t\t1\n");
    assertFails(
        "DIR/q.tsv, line 2: query 'q' and document 'd' were graded 1 before, now 0; keep one",
        "q\td\t1\nq\td\t0\n");
    files.assertFails(
        "cannot read DIR/none.tsv: no such file: DIR/none.tsv",
        () -> Qrels.read(directory.resolve("none.tsv")));
  }

  private void assertJudgements(String content, String first) throws IOException {
    Qrels qrels = Qrels.read(files.write("qrels.tsv", content));
    assertEquals(List.of("q", "r"), List.copyOf(qrels.queryIds()));
    assertEquals(Map.of(first, 2, "e", -1), qrels.judgements("q"));
    assertEquals(Map.of(first, 1), qrels.judgements("r"));
    assertEquals(Map.of(), qrels.judgements("s"));
  }

  private void assertFails(String message, String content) {
    files.assertFails(message, () -> Qrels.read(files.write("q.tsv", content)));
  }
}
