package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Parity with the reference framework on small checkpoints with random weights. */
class GoldenColbertTest {
  private static final double TOLERANCE = 1e-4;

  private final Path golden = Path.of(System.getProperty("tartan.shared", "."), "golden");
  private final Path expected = golden.resolve("bert-colbert").resolve("expected");

  @BeforeEach
  void fixtures() {
    assumeTrue(Files.isDirectory(expected), "no golden fixtures: set -Dtartan.shared=DIR");
  }

  @Test
  void inputsAreTheReferences() throws IOException {
    Path folder = golden.resolve("bert-colbert");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      ColbertInputs inputs = new ColbertInputs(tokenizer, ColbertConfig.defaults());
      List<String> queries = texts("queries");
      long[] ids = longs("query_ids");
      long[] mask = longs("query_mask");
      for (int i = 0; i < queries.size(); i++) {
        TokenSequence query = inputs.query(queries.get(i));
        assertEquals(query.length(), query.kept().length);
        assertSequence(query, ids, mask, i, ids.length / queries.size());
      }
      List<String> documents = texts("documents");
      long[] documentIds = longs("doc_ids");
      long[] documentMask = longs("doc_mask");
      long[] doclens = longs("doclens");
      for (int i = 0; i < documents.size(); i++) {
        TokenSequence passage = inputs.passage(documents.get(i));
        assertEquals(doclens[i], passage.kept().length, documents.get(i));
        assertSequence(
            passage, documentIds, documentMask, i, documentIds.length / documents.size());
      }
    }
  }

  private static void assertSequence(
      TokenSequence actual, long[] ids, long[] mask, int row, int width) {
    for (int i = 0; i < width; i++) {
      boolean inside = i < actual.length();
      if (inside) {
        assertEquals(ids[row * width + i], actual.ids()[i], "id " + i + " of text " + row);
      }
      assertEquals(
          mask[row * width + i], i < actual.attended() ? 1 : 0, "mask " + i + " of " + row);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert-colbert", "bert-colbert-bin"})
  void embeddingsAndScoresAreTheReferences(String model) throws IOException {
    List<String> queries = texts("queries");
    List<String> documents = texts("documents");
    try (Arena arena = Arena.ofConfined();
        Encoder encoder = Encoders.open(golden.resolve(model).toString(), 2)) {
      assertEquals(128, encoder.dim());
      EncodedPassages passages = encoder.encodePassages(documents, arena);
      assertArrayEquals(
          Arrays.stream(longs("doclens")).mapToInt(Math::toIntExact).toArray(), passages.doclens());
      assertRows(floats("doc_embeddings", arena), passages.rows());
      Matrix expectedQueries = floats("query_embeddings", arena);
      Matrix scores = floats("scores", arena);
      for (int q = 0; q < queries.size(); q++) {
        Matrix query = encoder.encodeQuery(queries.get(q), arena);
        assertRows(expectedQueries.slice(q * 32L, 32), query);
        assertEquals(query.rows(), encoder.queryTokens(queries.get(q)).size());
        double[] actual = MaxSim.scores(query, passages);
        for (int d = 0; d < actual.length; d++) {
          assertEquals(scores.get(q, d), actual[d], 1e-3, "query " + q + " document " + d);
        }
      }
      for (int d = 0; d < documents.size(); d++) {
        assertEquals(passages.doclens()[d], encoder.passageTokens(documents.get(d)).size());
      }
    }
  }

  private static void assertRows(Matrix expected, Matrix actual) {
    assertEquals(expected.rows(), actual.rows());
    double worst = 0;
    for (long r = 0; r < expected.rows(); r++) {
      for (int c = 0; c < expected.dim(); c++) {
        worst = Math.max(worst, Math.abs(expected.get(r, c) - actual.get(r, c)));
      }
    }
    assertTrue(worst <= TOLERANCE, "largest difference " + worst);
  }

  private List<String> texts(String key) throws IOException {
    JsonNode json = new ObjectMapper().readTree(expected.resolve("texts.json").toFile());
    List<String> texts = new ArrayList<>();
    json.path(key).forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private long[] longs(String name) {
    try (NpyFile file = NpyFile.open(expected.resolve(name + ".npy"))) {
      return file.readLongs();
    }
  }

  /** All but the last extent of the array become rows. */
  private Matrix floats(String name, Arena arena) {
    try (NpyFile file = NpyFile.open(expected.resolve(name + ".npy"))) {
      long[] shape = file.shape();
      int dim = Math.toIntExact(shape[shape.length - 1]);
      long rows = Arrays.stream(shape).reduce(1, (a, b) -> a * b) / dim;
      Matrix matrix = Matrix.allocate(arena, rows, dim);
      file.readFloats(0, rows * dim, matrix.data());
      return matrix;
    }
  }
}
