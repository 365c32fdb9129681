package dev.tartan.train.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Query;
import dev.tartan.memory.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which passages are asked about, and which queries are kept. */
class PassageSampleTest {
  @TempDir Path directory;

  private PassageSample draw(List<String> lines, int count, long seed) throws IOException {
    Path file = Files.write(directory.resolve("c.tsv"), lines);
    return PassageSample.draw(new Collection(file), count, seed, Progress.NONE);
  }

  private static List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      lines.add("d%d\ttext of %d".formatted(i, i));
    }
    lines.add("empty\t ");
    return lines;
  }

  @Test
  void aLargerSampleBeginsWithTheSmaller() throws IOException {
    PassageSample small = draw(lines(), 20, 5);
    PassageSample large = draw(lines(), 70, 5);
    assertEquals(20, small.passages().size());
    assertEquals(small.passages(), large.passages().subList(0, 20));
    assertEquals(300, large.documents());
    assertEquals(small.checksum(), large.checksum());
    assertNotEquals(small.passages(), draw(lines(), 20, 6).passages());
    assertEquals(300, draw(lines(), 1000, 5).passages().size());
    List<String> other = lines();
    other.set(7, "d7\tanother text");
    assertNotEquals(small.checksum(), draw(other, 20, 5).checksum());
  }

  @Test
  void theSampleIsEven() throws IOException {
    int[] times = new int[3];
    for (int seed = 0; seed < 30; seed++) {
      for (Passage passage : draw(lines(), 30, seed).passages()) {
        times[Integer.parseInt(passage.id().substring(1)) / 100]++;
      }
    }
    for (int third : times) {
      assertTrue(third > 250 && third < 350, third + " of 900");
    }
  }

  @Test
  void longPassagesAreCut() throws IOException {
    String words = "word ".repeat(1000).strip();
    String text = draw(List.of("d\t" + words), 1, 1).passages().getFirst().text();
    assertTrue(text.length() <= Prompts.PASSAGE_CHARACTERS && text.length() > 1990);
    assertTrue(text.endsWith("word"));
    String signs = "𝄞".repeat(2000);
    String cut = draw(List.of("d\tx" + signs), 1, 1).passages().getFirst().text();
    assertEquals(Prompts.PASSAGE_CHARACTERS - 1, cut.length());
  }

  @Test
  void roundTrip() {
    List<SyntheticQuery> queries =
        List.of(
            query("s1", "one", "a"),
            query("s2", "two", "b"),
            query("s3", "One!", "c"),
            query("s4", "four", "d"));
    List<List<String>> rankings =
        List.of(List.of("x", "a"), List.of("x", "y", "b"), List.of("c"), List.of());
    RoundTrip trip = RoundTrip.of(queries, rankings, 2);
    assertEquals(List.of(queries.getFirst()), trip.kept());
    assertEquals(List.of(rankings.getFirst()), trip.rankings());
    assertEquals(2, trip.lost());
    assertEquals(1, trip.duplicates());
  }

  private static SyntheticQuery query(String id, String text, String passage) {
    return new SyntheticQuery(new Query(id, text), passage);
  }
}
