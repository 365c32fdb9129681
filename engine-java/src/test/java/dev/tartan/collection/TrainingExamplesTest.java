package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingExamplesTest {
  @TempDir Path directory;

  @Test
  void scoredExamplesHaveIdsOfEitherKind() throws IOException {
    List<TrainingExample> examples =
        read("[0, [\"a\", 98.5], [2, -1]]\n\n[\"q\", [3, 1], [4, 2]]\n");
    assertEquals(2, examples.size());
    assertEquals("0", examples.getFirst().queryId());
    assertEquals(List.of("a", "2"), examples.getFirst().passageIds());
    assertArrayEquals(new float[] {98.5f, -1}, examples.getFirst().scores());
    assertEquals(3, examples.getLast().line());
  }

  @Test
  void triplesAndLongerNeedNoScores() throws IOException {
    assertNull(read("[1, 2, 3]\n[1, 2, 4]\n").getFirst().scores());
    List<TrainingExample> columns = read("q 1\tp1\tp2\tp3\n");
    assertEquals("q 1", columns.getFirst().queryId());
    assertEquals(List.of("p1", "p2", "p3"), columns.getFirst().passageIds());
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    List<TrainingExample> before = read("[\"q\", [\"a\", 0.1], [\"b\", 3e-5]]\n");
    Path file = directory.resolve("out.jsonl");
    TrainingExamples.write(file, before);
    TrainingExample after = TrainingExamples.read(file).getFirst();
    assertArrayEquals(before.getFirst().scores(), after.scores());
    assertEquals(before.getFirst().passageIds(), after.passageIds());
  }

  @Test
  void badLinesAreNamed() {
    fails("[1, [2, 0.5], [3, 0.1]]\n[1, [2, 0.5], [3", "line 2", "cut off");
    fails("[1, [2, 0.5], [3, 0.1]]\n[1, [2, 0.5], 3]", "line 2", "passage 2 has no teacher score");
    fails("[1, [2, 0.5], [3]]", "line 1", "passage 2 has no teacher score");
    fails("[1, 2, 3]\n[1, [2, 1], [3, 1]]", "line 2", "has a teacher score");
    fails("[1, [2, 0.5], [3, \"high\"]]", "line 1", "'\"high\"' is not a finite number");
    fails("[1, [2, 0.5]]", "line 1", "1 passages; at least 2");
    fails("[1, [2, 0.5], [null, 1]]", "line 1", "'null' where an id belongs");
    fails("q\tp1\t\t", "line 1", "blank id");
    fails("{\"query\": 1}", "line 1", "0 passages");
    fails("\n\n", "holds no training examples");
  }

  private void fails(String text, String... parts) {
    TartanException e = assertThrows(TartanException.class, () -> read(text));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("e.jsonl"), message);
    assertEquals(1, message.lines().count(), message);
    for (String part : parts) {
      assertTrue(message.contains(part), part + " in " + message);
    }
  }

  private List<TrainingExample> read(String text) throws IOException {
    return TrainingExamples.read(Files.writeString(directory.resolve("e.jsonl"), text));
  }
}
