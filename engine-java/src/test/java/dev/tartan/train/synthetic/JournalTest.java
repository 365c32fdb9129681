package dev.tartan.train.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.TartanException;
import dev.tartan.train.synthetic.Journal.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept of answers, whatever happened to the process. */
class JournalTest {
  private static final Prompt PROMPT = new Prompt("p", "write", List.of());
  private static final Entry GOOD =
      new Entry("p", "d\n1", "what é", null, null, 2, new Usage(10, 3, 0));
  private static final Entry BAD =
      new Entry("p", "d2", null, Failure.REFUSED, "no", 1, new Usage(5, 1, 1));

  @TempDir Path directory;
  private Path file;

  @BeforeEach
  void write() {
    file = directory.resolve("journal.jsonl");
    try (Journal journal = Journal.open(file)) {
      journal.add(GOOD);
      journal.add(BAD);
    }
  }

  private static Ask ask(String passage) {
    return new Ask(PROMPT, new Passage(passage, "text"));
  }

  @Test
  void readsWhatItWrote() throws IOException {
    try (Journal journal = Journal.open(file)) {
      assertEquals(GOOD, journal.find(ask("d\n1")));
      assertEquals(BAD, journal.find(ask("d2")));
      assertNull(journal.find(ask("d3")));
      assertEquals(3, journal.requests());
      assertEquals(1, journal.retries());
      assertEquals(new Usage(15, 4, 1), journal.usage());
    }
    assertEquals(2, Files.readAllLines(file).size());
  }

  @Test
  void anyTornEndIsDroppedAndWrittenAgain() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    int first = Files.readString(file).indexOf('\n') + 1;
    int firstBytes = 0;
    while (whole[firstBytes++] != '\n') {}
    assertTrue(firstBytes > first, "the line has letters of two bytes");
    for (int cut = 0; cut < whole.length; cut++) {
      Files.write(file, Arrays.copyOf(whole, cut));
      try (Journal journal = Journal.open(file)) {
        assertEquals(cut >= firstBytes ? GOOD : null, journal.find(ask("d\n1")), "cut at " + cut);
        assertNull(journal.find(ask("d2")));
        journal.add(BAD);
      }
      try (Journal journal = Journal.open(file)) {
        assertEquals(BAD, journal.find(ask("d2")));
      }
    }
  }

  @Test
  void damageElsewhereIsNamed() throws IOException {
    String whole = Files.readString(file);
    for (String damaged :
        List.of(
            "{\n" + whole,
            whole.replace("REFUSED", "WHATEVER"),
            "{\"prompt\":\"p\"}\n" + whole,
            "[]\n" + whole,
            "null\n" + whole,
            "\n" + whole)) {
      Files.writeString(file, damaged);
      TartanException e = assertThrows(TartanException.class, () -> Journal.open(file));
      assertTrue(
          e.getMessage().matches("\\S+journal.jsonl, line [12]: is .*remove it.*"), e.getMessage());
      assertEquals(1, e.getMessage().lines().count());
    }
  }

  @Test
  void oneAtATime() {
    try (Journal _ = Journal.open(file)) {
      TartanException e = assertThrows(TartanException.class, () -> Journal.open(file));
      assertTrue(e.getMessage().contains("is being written"), e.getMessage());
    }
  }
}
