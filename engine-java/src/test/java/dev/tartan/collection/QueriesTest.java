package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QueriesTest {
  private static final List<Query> EXPECTED = List.of(new Query("q1", "one"), new Query("2", "b"));

  @TempDir Path directory;
  private TextFiles files = new TextFiles(Path.of(""));

  @BeforeEach
  void setUp() {
    files = new TextFiles(directory);
  }

  @Test
  void bothFormats() throws IOException {
    String json =
        "{\"_id\": \"q1\", \"text\": \"one\", \"metadata\": {}}\n{\"id\":2,\"text\":\"b\"}";
    assertEquals(EXPECTED, Queries.read(files.write("q.jsonl", json)));
    assertEquals(EXPECTED, Queries.read(files.write("q", json)));
    assertEquals(EXPECTED, Queries.read(files.write("q.tsv", "q1\tone\n2\tb\n")));
    assertEquals(EXPECTED, Queries.read(files.gzip("q.tsv.gz", "id\ttext\nq1\tone\n2\tb\n")));
  }

  @Test
  void failures() {
    assertFails("DIR/q.tsv: holds no queries", "");
    assertFails(
        "DIR/q.tsv, line 3: query id 'a' is on line 1 already; ids must be unique",
        "a\tx\nb\ty\na\tx\n");
    assertFails("DIR/q.tsv, line 2: query 'b' has a blank text; remove it", "a\tx\nb\t \n");
    assertFails("DIR/q.tsv, line 1: has 3 columns; write id<TAB>text", "a\tx\tTitle\n");
    assertFails("DIR/q.tsv, line 1: has no tab: 'what'; write id<TAB>text", "what\n");
    assertFails("DIR/q.tsv, line 1: the id is blank; every record needs an id of its own", "\tx\n");
    files.assertFails(
        "cannot read DIR/none.tsv: no such file: DIR/none.tsv",
        () -> Queries.read(directory.resolve("none.tsv")));
  }

  private void assertFails(String message, String content) {
    files.assertFails(message, () -> Queries.read(files.write("q.tsv", content)));
  }
}
