package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.collection.Document;
import dev.tartan.collection.Splitting;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(Lifecycle.PER_CLASS)
class TartanMiniTest {
  private static final List<String> TEXTS =
      List.of(
          "Token embeddings are compressed to a centroid and a quantised residual.",
          "The recipe needs two eggs, flour and a pinch of salt.",
          "",
          "!!!",
          "Penguins live in the southern hemisphere, most of them in cold waters.",
          "A battery stores energy as chemicals; a capacitor stores it in an electric field. "
              .repeat(40));

  private Encoder encoder;

  @BeforeAll
  void open() {
    encoder = Encoders.open(Encoders.TARTAN_MINI, 2);
  }

  @AfterAll
  void close() {
    encoder.close();
  }

  @Test
  void ranksTheRelevantTextFirst() {
    try (Arena arena = Arena.ofConfined()) {
      EncodedPassages passages = encoder.encodePassages(TEXTS, arena);
      assertBest(0, "how are vectors made smaller?", passages, arena);
      assertBest(1, "baking a cake at home", passages, arena);
      assertBest(4, "where do flightless birds swim", passages, arena);
      assertBest(5, "difference of capacitors and batteries", passages, arena);
    }
  }

  private void assertBest(int expected, String query, EncodedPassages passages, Arena arena) {
    double[] scores = MaxSim.scores(encoder.encodeQuery(query, arena), passages);
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      // Passages without words score only by their special tokens; nobody indexes them.
      best = i != 2 && i != 3 && scores[i] > scores[best] ? i : best;
    }
    assertEquals(expected, best, query);
  }

  @Test
  void rowsAreUnitLengthAndNamed() {
    try (Arena arena = Arena.ofConfined()) {
      Matrix query = encoder.encodeQuery("What is late interaction?", arena);
      assertEquals(128, query.dim());
      assertEquals(query.rows(), encoder.queryTokens("What is late interaction?").size());
      EncodedPassages passages = encoder.encodePassages(TEXTS, arena);
      for (long r = 0; r < passages.rows().rows(); r++) {
        double squares = 0;
        for (float value : passages.rows().row(r)) {
          squares += (double) value * value;
        }
        assertEquals(1, squares, 1e-5);
      }
      for (int i = 0; i < TEXTS.size(); i++) {
        assertEquals(passages.doclens()[i], encoder.passageTokens(TEXTS.get(i)).size());
        assertTrue(passages.doclens()[i] <= encoder.passageMaxLength());
      }
    }
  }

  @Test
  void aBatchGivesTheRowsOfSinglePassages() {
    try (Arena arena = Arena.ofConfined()) {
      EncodedPassages batch = encoder.encodePassages(TEXTS, arena);
      long first = 0;
      for (int i = 0; i < TEXTS.size(); i++) {
        Matrix single = encoder.encodePassages(List.of(TEXTS.get(i)), arena).rows();
        assertEquals(batch.doclens()[i], single.rows());
        for (long r = 0; r < single.rows(); r++) {
          assertArrayEquals(single.row(r), batch.rows().row(first + r), 1e-5f);
        }
        first += single.rows();
      }
      assertEquals(0, encoder.encodePassages(List.of(), arena).rows().rows());
    }
  }

  @Test
  void threadsShareOneEncoder() throws InterruptedException, ExecutionException {
    float[] expected;
    try (Arena arena = Arena.ofConfined()) {
      expected = encoder.encodeQuery("one query", arena).data().toArray(Layouts.F32);
    }
    List<Future<float[]>> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 16; i++) {
        results.add(
            threads.submit(
                () -> {
                  try (Arena arena = Arena.ofConfined()) {
                    return encoder.encodeQuery("one query", arena).data().toArray(Layouts.F32);
                  }
                }));
      }
    }
    for (Future<float[]> result : results) {
      assertArrayEquals(expected, result.get(), 1e-6f);
    }
  }

  @Test
  void splitsLongTexts() {
    String text = TEXTS.get(5);
    List<String> pieces = pieces("", text, 50);
    assertTrue(pieces.size() > 10);
    assertEquals(text.strip(), String.join(" ", pieces));
    for (String piece : pieces) {
      assertTrue(piece.endsWith("."), piece);
    }
    assertEquals(List.of("short"), pieces("", "short", 50));
    assertEquals(List.of(""), pieces("", "  ", 50));
    assertEquals(List.of("A title"), pieces(" A title", "  ", 50));
  }

  @Test
  void everyPieceHasTheTitleAndIsAsLongAsTheModelReads() {
    String text = TEXTS.get(5);
    for (String piece : pieces("On  splitting", text, 50)) {
      assertTrue(piece.startsWith("On splitting "), piece);
      assertTrue(encoder.passageTokens(piece).size() <= 52, piece);
    }
    // 300 of the model, [CLS] and [SEP] among them
    for (String piece : pieces("", text, 10_000)) {
      assertTrue(piece.endsWith("."), piece);
    }
    String title = "word ".repeat(100).strip();
    for (String piece : pieces(title, text, 20)) {
      assertTrue(piece.startsWith("word ".repeat(10)), piece);
      assertFalse(piece.startsWith("word ".repeat(11)), piece);
    }
  }

  private List<String> pieces(String title, String text, int tokens) {
    return encoder.split(new Document("d", title, text), Splitting.of(tokens)).stream()
        .map(Piece::text)
        .toList();
  }

  @Test
  void aQueryWithoutTokensIsAnOrdinaryError() {
    try (Arena arena = Arena.ofConfined()) {
      for (String query : List.of("", "?!", "\ud800", "\u0000")) {
        try {
          assertTrue(encoder.encodeQuery(query, arena).rows() > 0);
        } catch (TartanException e) {
          assertTrue(String.valueOf(e.getMessage()).contains("leaves no token"), e.getMessage());
        }
      }
    }
  }

  @Test
  void fittingIsOrthogonalAndRepeatable(@TempDir Path folder) throws IOException {
    List<String> texts =
        IntStream.range(0, 30).mapToObj(i -> TEXTS.get(i % 2) + " number " + i * 7919).toList();
    Path first = folder.resolve("a.safetensors");
    Path second = folder.resolve("b.safetensors");
    ProjectionFit fit = new ProjectionFit(32, 0);
    assertTrue(fit.fit(List.of(texts.stream()), 1, first) > 300);
    fit.fit(List.of(texts.stream()), 2, second);
    assertEquals(-1, Files.mismatch(first, second));
    try (Arena arena = Arena.ofConfined()) {
      float[] weight =
          SafetensorsFile.open(first, arena).floats("linear.weight", arena).toArray(Layouts.F32);
      for (int i = 0; i < 32; i++) {
        for (int j = 0; j < 32; j++) {
          double product = 0;
          for (int k = 0; k < 384; k++) {
            product += (double) weight[i * 384 + k] * weight[j * 384 + k];
          }
          assertEquals(i == j ? 1 : 0, product, 1e-5);
        }
      }
    }
    assertThrows(TartanException.class, () -> fit.fit(List.of(Stream.of("few")), 1, second));
  }

  @Test
  void aClosedEncoderSaysSo() {
    Encoder other = Encoders.open(Encoders.TARTAN_MINI, 1);
    other.close();
    other.close();
    try (Arena arena = Arena.ofConfined()) {
      assertThrows(IllegalStateException.class, () -> other.encodeQuery("late", arena));
    }
    assertFalse(encoder.queryTokens("still open").isEmpty());
  }
}
