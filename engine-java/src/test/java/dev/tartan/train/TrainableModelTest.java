package dev.tartan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.ModelParts;
import dev.tartan.encode.model.Dropout;
import dev.tartan.encode.model.Torch;
import dev.tartan.encode.model.TrainableModel;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What training computes is what inference computes, on every backbone. */
class TrainableModelTest {
  @TempDir Path directory;

  @BeforeEach
  void fixtures() {
    assumeTrue(Files.isDirectory(TinyTraining.GOLDEN), "no golden fixtures");
  }

  @ParameterizedTest
  @CsvSource({
    "bert-colbert,",
    "xlmr-colbert,",
    "xmod-colbert, en_XX",
    "modernbert-pylate,",
    "distilbert-shards,",
    "roberta-modules,",
    "modernbert-text-prefixes,",
    "xmod-own-norm, zh_tw"
  })
  void withoutDropoutItIsInference(String name, @Nullable String language) throws IOException {
    String folder = folder(name);
    List<String> texts = texts();
    // Rows of 8 values round more than rows of 128.
    float tolerance = Files.exists(TinyTraining.GOLDEN.resolve(name)) ? 1e-6f : 2e-6f;
    try (Arena arena = Arena.ofShared();
        Encoder encoder = Encoders.open(folder, 1, language);
        ModelParts parts = Encoders.parts(folder, arena);
        TrainableModel model = open(parts, arena)) {
      ColbertInputs inputs = new ColbertInputs(parts.tokenizer(), parts.config());
      LiveRows rows =
          new LiveRows(model, inputs, parts.language(model.languages(), language), Dropout.NONE);
      Matrix expected = encoder.encodePassages(texts, arena).rows();
      close(expected, rows.passages(texts), tolerance);
      for (String text : texts) {
        close(encoder.encodeQuery(text, arena), rows.queries(List.of(text)), tolerance);
      }
    }
  }

  @Test
  void everyParameterOfTheModelGetsAGradient() {
    for (String name : List.of("bert-colbert", "xlmr-colbert", "modernbert-pylate")) {
      String folder = TinyTraining.GOLDEN.resolve(name).toString();
      try (Arena arena = Arena.ofShared();
          ModelParts parts = Encoders.parts(folder, arena);
          TrainableModel model = open(parts, arena);
          PointerScope _ = new PointerScope()) {
        ColbertInputs inputs = new ColbertInputs(parts.tokenizer(), parts.config());
        new LiveRows(model, inputs, 0, Dropout.NONE)
            .passages(List.of("late interaction keeps one vector a token"))
            .values()
            .sum()
            .backward();
        model
            .trained()
            .forEach(
                (tensor, values) ->
                    assertEquals(true, values.grad().defined(), name + ": " + tensor));
      }
    }
  }

  @Test
  void dropoutFollowsFromTheSeed() {
    try (Arena arena = Arena.ofShared();
        ModelParts parts =
            Encoders.parts(TinyTraining.GOLDEN.resolve("bert-colbert").toString(), arena);
        TrainableModel model = open(parts, arena)) {
      ColbertInputs inputs = new ColbertInputs(parts.tokenizer(), parts.config());
      LiveRows rows = new LiveRows(model, inputs, 0, new Dropout(0.1, 0.1));
      float first = sum(rows, 1);
      assertEquals(first, sum(rows, 1));
      assertNotEquals(first, sum(rows, 2));
    }
  }

  private static float sum(LiveRows rows, long seed) {
    Torch.seed(seed);
    try (PointerScope _ = new PointerScope()) {
      return rows.passages(List.of("one vector a token")).values().sum().item_float();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "bert-colbert,",
    "bert-colbert-bin,",
    "xmod-colbert, fr_XX",
    "modernbert-pylate,",
    "distilbert-shards,",
    "roberta-modules,",
    "modernbert-text-prefixes,"
  })
  void whatIsWrittenIsTheModel(String name, @Nullable String language) throws IOException {
    String folder = folder(name);
    Path copy = directory.resolve(name);
    try (Arena arena = Arena.ofShared()) {
      try (ModelParts parts = Encoders.parts(folder, arena)) {
        parts.write(copy);
      }
      try (Encoder before = Encoders.open(folder, 1, language);
          Encoder after = Encoders.open(copy.toString(), 1, language)) {
        Matrix expected = before.encodePassages(texts(), arena).rows();
        Matrix actual = after.encodePassages(texts(), arena).rows();
        assertEquals(-1, expected.data().mismatch(actual.data()));
      }
    }
  }

  @Test
  void tartanMiniIsWrittenAsAFolderLikeAnyOther() throws IOException {
    Path copy = directory.resolve("mini");
    try (Arena arena = Arena.ofShared()) {
      try (ModelParts parts = Encoders.parts(Encoders.TARTAN_MINI, arena)) {
        parts.write(copy);
      }
      JsonNode config = new ObjectMapper().readTree(copy.resolve("config.json").toFile());
      assertEquals(30522, config.path("vocab_size").asInt());
      assertFalse(Files.exists(copy.resolve("model.safetensors.part")));
      try (Encoder before = Encoders.open(Encoders.TARTAN_MINI, 1);
          Encoder after = Encoders.open(copy.toString(), 1)) {
        assertEquals(before.passageMaxLength(), after.passageMaxLength());
        Matrix expected = before.encodePassages(texts(), arena).rows();
        Matrix actual = after.encodePassages(texts(), arena).rows();
        assertEquals(-1, expected.data().mismatch(actual.data()));
        String query = "what's a token?";
        assertEquals(
            -1,
            before
                .encodeQuery(query, arena)
                .data()
                .mismatch(after.encodeQuery(query, arena).data()));
      }
    }
  }

  /** A shared fixture, or one of this project's. */
  private static String folder(String name) {
    Path shared = TinyTraining.GOLDEN.resolve(name);
    return Files.exists(shared)
        ? shared.toString()
        : Path.of("src/test/resources/checkpoints").resolve(name).toString();
  }

  private static TrainableModel open(ModelParts parts, Arena arena) {
    return TrainableModel.open(
        parts.architecture(), parts.weights(), parts.head(), parts.config().layer(), false, arena);
  }

  private static void close(Matrix expected, Rows actual, float tolerance) {
    try (PointerScope _ = new PointerScope()) {
      float[] values = Torch.toArray(actual.values().detach());
      float[] wanted = expected.data().toArray(Layouts.F32);
      assertEquals(wanted.length, values.length);
      for (int i = 0; i < values.length; i++) {
        assertEquals(wanted[i], values[i], tolerance);
      }
    }
  }

  private static List<String> texts() throws IOException {
    List<String> texts = new ArrayList<>();
    new ObjectMapper()
        .readTree(TinyTraining.GOLDEN.resolve("bert-colbert/expected/texts.json").toFile())
        .path("documents")
        .forEach(text -> texts.add(text.asText()));
    return texts.subList(0, 8);
  }
}
