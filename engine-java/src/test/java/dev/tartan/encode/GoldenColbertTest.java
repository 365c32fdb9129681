package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.PairInputs;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parity with the reference framework on small checkpoints with random weights. */
class GoldenColbertTest {
  private static final double TOLERANCE = 1e-4;

  private final Path golden = Path.of(System.getProperty("tartan.shared", "."), "golden");

  /** A fixture: the model, what it was given, and what the reference computed. */
  private record Fixture(Path model, Path expected, @Nullable String language) {
    List<String> texts(String key) throws IOException {
      JsonNode json = new ObjectMapper().readTree(expected.resolve("texts.json").toFile());
      List<String> texts = new ArrayList<>();
      json.path(key).forEach(text -> texts.add(text.asText()));
      return texts;
    }

    long[] longs(String name) {
      try (NpyFile file = NpyFile.open(expected.resolve(name + ".npy"))) {
        return file.readLongs();
      }
    }

    /** All but the last extent of the array become rows. */
    Matrix floats(String name, Arena arena) {
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

  private Fixture fixture(String model, String expected) {
    Path folder = golden.resolve(expected);
    assumeTrue(Files.isDirectory(folder), "no golden fixtures: set -Dtartan.shared=DIR");
    String language = expected.contains("expected-") ? expected.split("expected-", 2)[1] : null;
    return new Fixture(golden.resolve(model), folder, language);
  }

  @ParameterizedTest
  @CsvSource({
    "bert-colbert, bert-colbert/expected",
    "modernbert-pylate, modernbert-pylate/expected",
    "xlmr-colbert, xlmr-colbert/expected",
    "xmod-colbert, xmod-colbert/expected-en_XX",
  })
  void inputsAreTheReferences(String model, String expected) throws IOException {
    Fixture fixture = fixture(model, expected);
    try (Tokenizer tokenizer = Tokenizer.open(fixture.model());
        Arena arena = Arena.ofConfined()) {
      ColbertConfig config = Checkpoint.read(fixture.model(), tokenizer, arena).config();
      ColbertInputs inputs = new ColbertInputs(tokenizer, config);
      List<String> queries = fixture.texts("queries");
      long[] ids = fixture.longs("query_ids");
      long[] mask = fixture.longs("query_mask");
      for (int i = 0; i < queries.size(); i++) {
        TokenSequence query = inputs.query(queries.get(i));
        assertEquals(query.length(), query.kept().length);
        assertSequence(query, ids, mask, i, ids.length / queries.size());
      }
      List<String> documents = fixture.texts("documents");
      long[] documentIds = fixture.longs("doc_ids");
      long[] documentMask = fixture.longs("doc_mask");
      long[] doclens = fixture.longs("doclens");
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
  @CsvSource({
    "bert-colbert, bert-colbert/expected",
    "bert-colbert-bin, bert-colbert/expected",
    "modernbert-pylate, modernbert-pylate/expected",
    "xlmr-colbert, xlmr-colbert/expected",
    "xmod-colbert, xmod-colbert/expected-en_XX",
    "xmod-colbert, xmod-colbert/expected-fr_XX",
    "xmod-colbert, xmod-colbert/expected-de_DE",
  })
  void embeddingsAndScoresAreTheReferences(String model, String expected) throws IOException {
    Fixture fixture = fixture(model, expected);
    List<String> queries = fixture.texts("queries");
    List<String> documents = fixture.texts("documents");
    try (Arena arena = Arena.ofConfined();
        Encoder encoder = Encoders.open(fixture.model().toString(), 2, fixture.language())) {
      assertEquals(128, encoder.dim());
      assertEquals(fixture.language(), encoder.language());
      EncodedPassages passages = encoder.encodePassages(documents, arena);
      assertArrayEquals(
          Arrays.stream(fixture.longs("doclens")).mapToInt(Math::toIntExact).toArray(),
          passages.doclens());
      assertRows(fixture.floats("doc_embeddings", arena), passages.rows());
      Matrix expectedQueries = fixture.floats("query_embeddings", arena);
      Matrix scores = fixture.floats("scores", arena);
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

  /** One collection may hold passages in several languages. */
  @Test
  void aPassageMayTellItsLanguage() throws IOException {
    Fixture french = fixture("xmod-colbert", "xmod-colbert/expected-fr_XX");
    List<String> documents = french.texts("documents");
    List<String> languages = new ArrayList<>();
    for (int i = 0; i < documents.size(); i++) {
      languages.add(i % 3 == 0 ? "" : i % 3 == 1 ? "fr_XX" : "de");
    }
    try (Arena arena = Arena.ofConfined();
        Encoder encoder = Encoders.open(french.model().toString(), 2)) {
      assertEquals("en_XX", encoder.language());
      EncodedPassages mixed = encoder.encodePassages(documents, languages, arena);
      long row = 0;
      for (int i = 0; i < documents.size(); i++) {
        String name = List.of("en_XX", "fr_XX", "de_DE").get(i % 3);
        Fixture one = fixture("xmod-colbert", "xmod-colbert/expected-" + name);
        int rows = mixed.doclens()[i];
        assertRows(
            one.floats("doc_embeddings", arena).slice(row, rows), mixed.rows().slice(row, rows));
        row += rows;
      }
    }
  }

  @Test
  void logitsOfPairsAreTheReferences() throws IOException {
    Fixture fixture = fixture("bert-cross-encoder", "bert-cross-encoder/expected");
    JsonNode pairs = new ObjectMapper().readTree(fixture.expected().resolve("pairs.json").toFile());
    long[] ids = fixture.longs("input_ids");
    long[] mask = fixture.longs("attention_mask");
    long[] types = fixture.longs("token_type_ids");
    int count = pairs.path("pairs").size();
    int width = ids.length / count;
    try (Arena arena = Arena.ofConfined();
        Tokenizer tokenizer = Tokenizer.open(fixture.model());
        CrossEncoder encoder = CrossEncoder.open(fixture.model().toString(), 256)) {
      PairInputs inputs = new PairInputs(tokenizer, 256);
      Matrix logits = fixture.floats("logits", arena);
      Map<String, List<String>> passages = new LinkedHashMap<>();
      List<Float> expected = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        JsonNode pair = pairs.path("pairs").path(i);
        TokenSequence actual = inputs.pair(pair.path(0).asText(), pair.path(1).asText());
        assertSequence(actual, ids, mask, i, width);
        for (int t = 0; t < actual.length(); t++) {
          assertEquals(types[i * width + t], t < actual.second() ? 0 : 1, "type " + t + " of " + i);
        }
        passages
            .computeIfAbsent(pair.path(0).asText(), _ -> new ArrayList<>())
            .add(pair.path(1).asText());
        expected.add(logits.data().getAtIndex(Layouts.F32, i));
      }
      int next = 0;
      for (Map.Entry<String, List<String>> entry : passages.entrySet()) {
        for (float score : encoder.scores(entry.getKey(), entry.getValue())) {
          assertEquals(expected.get(next++), score, TOLERANCE);
        }
      }
      assertEquals(count, next);
    }
  }

  private static void assertRows(Matrix expected, Matrix actual) {
    assertEquals(expected.rows(), actual.rows());
    for (long r = 0; r < expected.rows(); r++) {
      double cosine = 0;
      for (int c = 0; c < expected.dim(); c++) {
        assertEquals(
            expected.get(r, c), actual.get(r, c), TOLERANCE, "value " + c + " of row " + r);
        cosine += expected.get(r, c) * actual.get(r, c);
      }
      assertTrue(cosine >= 0.99999, "cosine " + cosine + " of row " + r);
    }
  }
}
