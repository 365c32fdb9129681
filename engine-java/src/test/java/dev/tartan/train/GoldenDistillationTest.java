package dev.tartan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.checkpoint.Weights;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.ModelParts;
import dev.tartan.encode.model.Dropout;
import dev.tartan.encode.model.Torch;
import dev.tartan.encode.model.TrainableModel;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.encode.text.TokenSequence;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.NpyFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** Three optimiser steps give what the reference framework gives. */
class GoldenDistillationTest {
  private static final double RELATIVE = 1e-3;
  private static final int NWAY = 4;

  private final Path golden = Path.of(System.getProperty("tartan.shared", "."), "golden");

  @Test
  void threeStepsAreTheReferences() throws IOException {
    Path folder = golden.resolve("distillation");
    assumeTrue(Files.isDirectory(folder), "no golden fixtures: set -Dtartan.shared=DIR");
    JsonNode steps = new ObjectMapper().readTree(folder.resolve("steps.json").toFile());
    try (Arena arena = Arena.ofShared();
        ModelParts parts = Encoders.parts(golden.resolve("bert-colbert").toString(), arena);
        TrainableModel model =
            TrainableModel.open(
                parts.architecture(),
                parts.weights(),
                parts.head(),
                parts.config().layer(),
                false,
                arena)) {
      AdamW optimizer = new AdamW(model.trained(), 0.01, arena);
      ColbertInputs inputs = new ColbertInputs(parts.tokenizer(), parts.config());
      for (JsonNode step : steps.path("steps")) {
        try (PointerScope _ = new PointerScope()) {
          step(step, model, inputs, optimizer);
        }
      }
      assertWeights(folder.resolve("linear_weight_after_3_steps.npy"), parts, "linear.weight");
      assertWeights(
          folder.resolve("layer0_query_weight_after_3_steps.npy"),
          parts,
          "bert.encoder.layer.0.attention.self.query.weight");
    }
  }

  private static void step(
      JsonNode step, TrainableModel model, ColbertInputs inputs, AdamW optimizer) {
    List<TokenSequence> queries = new ArrayList<>();
    step.path("queries").forEach(text -> queries.add(inputs.query(text.asText())));
    List<TokenSequence> passages = new ArrayList<>();
    step.path("passages")
        .forEach(group -> group.forEach(text -> passages.add(inputs.passage(text.asText()))));
    float[] teacher = floats(step.path("teacher_scores"));
    Distillation.Loss loss =
        new Distillation(NWAY, 1, true).loss(rows(model, queries), rows(model, passages), teacher);
    close(floats(step.path("student_scores")), Torch.toArray(loss.scores()));
    close(step.path("kl").asDouble(), loss.ranking().item_double());
    close(
        step.path("in_batch").asDouble(),
        java.util.Objects.requireNonNull(loss.batch()).item_double());
    close(step.path("loss").asDouble(), loss.total().item_double());
    // Without in-batch negatives the scores are computed another way.
    Distillation.Loss alone =
        new Distillation(NWAY, 1, false).loss(rows(model, queries), rows(model, passages), teacher);
    close(floats(step.path("student_scores")), Torch.toArray(alone.scores()));
    close(step.path("kl").asDouble(), alone.total().item_double());

    loss.total().backward();
    close(step.path("gradient_norm").asDouble(), optimizer.clip(Double.POSITIVE_INFINITY));
    optimizer.step(1e-3);
  }

  private static Rows rows(TrainableModel model, List<TokenSequence> sequences) {
    Tensor rows = model.project(model.hidden(sequences, 0, Dropout.NONE));
    return new Rows(rows, sequences.stream().mapToInt(s -> s.kept().length).toArray());
  }

  private static float[] floats(JsonNode matrix) {
    List<Float> values = new ArrayList<>();
    matrix.forEach(row -> row.forEach(value -> values.add((float) value.asDouble())));
    float[] flat = new float[values.size()];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = values.get(i);
    }
    return flat;
  }

  private static void close(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      close(expected[i], actual[i]);
    }
  }

  private static void close(double expected, double actual) {
    assertEquals(expected, actual, RELATIVE * Math.abs(expected));
  }

  private static void assertWeights(Path file, ModelParts parts, String name) {
    Weights weights = parts.weights();
    try (Arena arena = Arena.ofConfined();
        NpyFile expected = NpyFile.open(file)) {
      MemorySegment actual = weights.floats(name, arena);
      long n = actual.byteSize() / Float.BYTES;
      MemorySegment values = arena.allocate(actual.byteSize(), 64);
      expected.readFloats(0, n, values);
      double worst = 0;
      for (long i = 0; i < n; i++) {
        worst =
            Math.max(
                worst,
                Math.abs(values.getAtIndex(Layouts.F32, i) - actual.getAtIndex(Layouts.F32, i)));
      }
      assertTrue(worst <= 1e-4, name + ": largest difference " + worst);
    }
  }
}
