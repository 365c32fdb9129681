package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.compute.Contenders;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Texts are found by a device as by the processor. */
class CudaCommandTest {
  @BeforeEach
  void setUp() {
    Contenders.cuda(true).close(); // skips where there is none
  }

  @Test
  void theSameHits() throws IOException {
    Path index = Samples.textIndex();
    for (String query : new String[] {"cells of the immune system", "risk of disease"}) {
      JsonNode right = hits(index, query, "cpu");
      JsonNode other = hits(index, query, "cuda");
      assertEquals(10, right.size());
      assertEquals(right.size(), other.size());
      for (int i = 0; i < right.size(); i++) {
        assertEquals(right.get(i).at("/id"), other.get(i).at("/id"), query);
        double score = right.get(i).at("/score").asDouble();
        assertEquals(score, other.get(i).at("/score").asDouble(), 2e-3 * score, query);
      }
    }
  }

  private static JsonNode hits(Path index, String query, String backend) throws IOException {
    return Typed.run("search", "--index", index, query, "--backend", backend, "--json")
        .json()
        .at("/hits");
  }
}
