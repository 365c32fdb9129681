package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Architectures, layouts, element types and options that the shared fixtures do not hold, against
 * what transformers computes; {@code make.py} beside the fixtures says how.
 */
class CheckpointsTest {
  private static final double TOLERANCE = 1e-4;

  private static Path folder(String name) {
    URL url = Objects.requireNonNull(CheckpointsTest.class.getResource("/checkpoints/" + name));
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> texts() throws IOException {
    return List.of(new ObjectMapper().readValue(folder("texts.json").toFile(), String[].class));
  }

  @ParameterizedTest
  @CsvSource({
    "distilbert-shards, 8,",
    "roberta-modules, 8,",
    "modernbert-text-prefixes, 8,",
    "bge-m3, 16,",
    "xmod-own-norm, 8, zh_tw"
  })
  void rowsAreThoseOfTheReference(String name, int dim, @Nullable String language)
      throws IOException {
    List<String> texts = texts();
    try (Arena arena = Arena.ofConfined();
        Encoder encoder = Encoders.open(folder(name).toString(), 1, language)) {
      SafetensorsFile expected =
          SafetensorsFile.open(folder(name).resolve("expected.safetensors"), arena);
      assertEquals(dim, encoder.dim());
      EncodedPassages passages = encoder.encodePassages(texts, arena);
      long row = 0;
      for (int i = 0; i < texts.size(); i++) {
        int rows = passages.doclens()[i];
        assertRows(expected, "passage." + i, passages.rows().slice(row, rows), arena);
        assertRows(expected, "query." + i, encoder.encodeQuery(texts.get(i), arena), arena);
        row += rows;
      }
    }
  }

  private static void assertRows(
      SafetensorsFile expected, String name, Matrix actual, Arena arena) {
    assertEquals(expected.tensor(name).shape()[0], actual.rows(), name);
    MemorySegment values = expected.floats(name, arena);
    for (long i = 0; i < actual.rows() * actual.dim(); i++) {
      assertEquals(
          values.getAtIndex(Layouts.F32, i),
          actual.data().getAtIndex(Layouts.F32, i),
          TOLERANCE,
          name + ", value " + i);
    }
  }

  @Test
  void logitsAreThoseOfTheReference() throws IOException {
    List<String> texts = texts();
    try (Arena arena = Arena.ofConfined();
        CrossEncoder encoder = CrossEncoder.open(folder("xlmr-cross-encoder").toString())) {
      SafetensorsFile expected =
          SafetensorsFile.open(folder("xlmr-cross-encoder").resolve("expected.safetensors"), arena);
      for (int i = 0; i + 1 < texts.size(); i++) {
        float[] score = encoder.scores(texts.get(i), List.of(texts.get(i + 1), texts.get(0)));
        assertEquals(2, score.length);
        float logit = expected.floats("pair." + i, arena).get(Layouts.F32, 0);
        assertEquals(logit, score[0], TOLERANCE, "pair " + i);
      }
      assertEquals(0, encoder.scores("nothing to score", List.of()).length);
    }
  }

  @Test
  void namesTheLanguagesThereAre() {
    String xmod = folder("xmod-own-norm").toString();
    for (String language : new String[] {"fr_XX", "zh", ""}) {
      TartanException e =
          assertThrows(TartanException.class, () -> Encoders.open(xmod, 1, language));
      assertTrue(
          String.valueOf(e.getMessage())
              .endsWith("has no language '%s'; it has en_XX, zh_CN, zh_TW".formatted(language)),
          e.getMessage());
    }
    TartanException none = assertThrows(TartanException.class, () -> Encoders.open(xmod, 1));
    assertTrue(String.valueOf(none.getMessage()).contains("--language"), none.getMessage());
    TartanException alike =
        assertThrows(
            TartanException.class, () -> Encoders.open(folder("bge-m3").toString(), 1, "en"));
    assertTrue(String.valueOf(alike.getMessage()).contains("reads all languages alike"));
    try (Encoder encoder = Encoders.open(xmod, 1, "en");
        Arena arena = Arena.ofConfined()) {
      assertEquals("en_XX", encoder.language());
      TartanException e =
          assertThrows(
              TartanException.class,
              () -> encoder.encodePassages(List.of("a", "b"), List.of("", "de"), arena));
      assertTrue(String.valueOf(e.getMessage()).contains("has no language 'de'"), e.getMessage());
    }
  }

  /**
   * A passage is read as in the language that it is in; one that the model lacks as the default.
   */
  @Test
  void detectsLanguages() {
    String chinese =
        "\u6211\u4eec\u4eca\u5929\u53bb\u5317\u4eac\u770b\u4e00\u90e8\u65b0\u7684\u7535\u5f71\u3002";
    List<String> texts =
        List.of(
            chinese,
            "This is a plain English sentence about nothing in particular.",
            "Dieser Satz ist ohne Zweifel auf Deutsch geschrieben worden.");
    try (Encoder named = Encoders.open(folder("xmod-own-norm").toString(), 1, "en");
        Encoder detecting = Encoders.open(folder("xmod-own-norm").toString(), 1, "auto");
        Arena arena = Arena.ofConfined()) {
      assertEquals("auto", detecting.language());
      EncodedPassages expected =
          named.encodePassages(texts, List.of("zh_CN", "en_XX", "en_XX"), arena);
      EncodedPassages actual = detecting.encodePassages(texts, arena);
      assertEquals(-1, expected.rows().data().mismatch(actual.rows().data()));
      EncodedPassages english = named.encodePassages(texts, arena);
      assertTrue(english.rows().data().mismatch(actual.rows().data()) >= 0);
    }
  }
}
