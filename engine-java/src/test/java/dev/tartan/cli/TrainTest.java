package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From judgements to a trained model, by commands. */
class TrainTest {
  @TempDir Path directory;
  private final Path model = TinyTraining.GOLDEN.resolve("bert-colbert");
  private TinyTraining files;

  @BeforeEach
  void files() throws IOException {
    assumeTrue(Files.isDirectory(TinyTraining.GOLDEN), "no golden fixtures");
    files = new TinyTraining(directory);
  }

  @Test
  void lossFallsAndTheResultIndexesAndSearches() throws IOException {
    Path out = directory.resolve("model");
    JsonNode told =
        train(
                out,
                files.examples,
                "--steps",
                40,
                "--lr",
                1e-3,
                "--batch",
                4,
                "--dropout",
                0,
                "--json")
            .json();
    assertEquals(40, told.path("steps").asInt());
    List<String> log = Files.readAllLines(out.resolve("training/log.csv"));
    assertEquals(41, log.size());
    double first = Double.parseDouble(log.get(1).split(",")[1]);
    double last = Double.parseDouble(log.getLast().split(",")[1]);
    assertTrue(last < 0.8 * first, "loss from " + first + " to " + last);
    assertTrue(Files.readString(out.resolve("training/curve.svg")).endsWith("</svg>\n"));

    Path index = directory.resolve("index");
    Typed.run("index", "--collection", files.collection, "--model", out, "--index", index).ok();
    String hits = Typed.run("search", "--index", index, "residual compression", "-k", 3).ok();
    assertEquals(3, hits.lines().count(), hits);
  }

  @Test
  void minedTaughtAndTrainedOn() throws IOException {
    Path index = directory.resolve("index");
    Typed.run("index", "--collection", files.collection, "--model", model, "--index", index).ok();
    Path mined = directory.resolve("mined.jsonl");
    Object[] mine = {
      "mine",
      "--index",
      index,
      "--queries",
      files.queries,
      "--qrels",
      files.qrels,
      "--out",
      mined,
      "--negatives",
      3,
      "--from",
      1,
      "--to",
      12
    };
    Typed.run(mine).ok();
    List<TrainingExample> examples = TrainingExamples.read(mined);
    for (TrainingExample example : examples) {
      assertEquals(4, example.passageIds().stream().distinct().count());
    }
    String once = Files.readString(mined);
    Typed.run(mine).ok();
    assertEquals(once, Files.readString(mined));

    Path taught = directory.resolve("taught.jsonl");
    teach(mined, taught, "--cross-encoder", TinyTraining.GOLDEN.resolve("bert-cross-encoder")).ok();
    assertEquals(examples.size(), TrainingExamples.read(taught).size());
    float[] alone = TrainingExamples.read(taught).getFirst().scores();
    Path crossEncoder = TinyTraining.GOLDEN.resolve("bert-cross-encoder");
    teach(mined, taught, "--cross-encoder", crossEncoder, "--cross-encoder", crossEncoder).ok();
    assertArrayEquals(alone, TrainingExamples.read(taught).getFirst().scores(), 1e-5f);
    teach(mined, taught, "--model", model).ok();
    float[] scores = Objects.requireNonNull(TrainingExamples.read(taught).getFirst().scores());
    assertEquals(4, scores.length);
    // A student that is its own teacher has nothing to learn.
    String told =
        train(directory.resolve("m"), taught, "--steps", 1, "--batch", 4, "--dropout", 0).ok();
    assertTrue(told.contains("1 steps, loss 0.0000"), told);
  }

  @Test
  void mistakesAreNamed() throws IOException {
    Path out = directory.resolve("model");
    Path bad = directory.resolve("bad.jsonl");
    Files.writeString(
        bad, "[\"q0\", [\"d0\", 1], [\"d1\", 0]]\n[\"q0\", [\"d0\", 1], [\"x\", 0]]\n");
    train(out, bad).fails("bad.jsonl, line 2: passage 'x' is not in", "c.tsv");
    Files.writeString(bad, "[\"nobody\", [\"d0\", 1], [\"d1\", 0]]\n");
    train(out, bad).fails("bad.jsonl, line 1: query 'nobody' is not in", "q.tsv");
    Files.writeString(bad, "[\"q0\", [\"d0\", 1], [\"d1\", 0]");
    train(out, bad).fails("bad.jsonl, line 1", "cut off");
    Files.writeString(bad, "");
    train(out, bad).fails("bad.jsonl: holds no training examples");
    train(out, files.examples, "--nway", 5).fails("line 1: has 4 passages, nway asks for 5");
    train(out, files.examples, "--accumulate", 3).isWrongUsage("accumulate is 3");
    train(out, files.examples, "--dev-queries", files.queries).isWrongUsage("go together");
    train(out, directory.resolve("none")).fails("no such file");
    assertFalse(Files.exists(out.resolve("model.safetensors")));
    teach(files.examples, out).isWrongUsage("give one of --cross-encoder and --model");
    teach(files.examples, out, "--cross-encoder", model).fails("is no cross-encoder");
  }

  private Typed train(Path out, Path examples, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--out", out));
    args.addAll(List.of("--examples", examples, "--queries", files.queries));
    args.addAll(List.of("--collection", files.collection));
    args.addAll(List.of(more));
    return Typed.run(args.toArray());
  }

  private Typed teach(Path examples, Path out, Object... more) {
    List<Object> args = new ArrayList<>(List.of("teach", "--examples", examples, "--out", out));
    args.addAll(List.of("--queries", files.queries, "--collection", files.collection));
    args.addAll(List.of(more));
    return Typed.run(args.toArray());
  }
}
