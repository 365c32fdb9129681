package dev.tartan.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.encode.model.Dropout;
import dev.tartan.memory.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Files for a training of seconds: the golden model, its texts, scores that follow the ids. */
public final class TinyTraining {
  public static final Path GOLDEN = Path.of(System.getProperty("tartan.shared", "."), "golden");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int NWAY = 4;

  public final Path queries;
  public final Path collection;
  public final Path examples;
  public final Path developmentQueries;
  public final Path qrels;

  /** Writes the files to {@code directory}. */
  public TinyTraining(Path directory) throws IOException {
    JsonNode texts = JSON.readTree(GOLDEN.resolve("bert-colbert/expected/texts.json").toFile());
    List<String> documents = new ArrayList<>();
    texts
        .path("documents")
        .forEach(text -> documents.add("d" + documents.size() + "\t" + clean(text)));
    List<String> asked = new ArrayList<>();
    for (JsonNode text : texts.path("queries")) {
      if (!text.asText().isBlank()) {
        asked.add("q" + asked.size() + "\t" + clean(text));
      }
    }
    List<String> lines = new ArrayList<>();
    List<String> judged = new ArrayList<>();
    for (int q = 0; q < asked.size(); q++) {
      StringBuilder line = new StringBuilder("[\"q" + q + "\"");
      for (int p = 0; p < NWAY; p++) {
        int passage = (q * NWAY + p) % documents.size();
        line.append(", [\"d%d\", %d]".formatted(passage, NWAY - p));
      }
      lines.add(line + "]");
      judged.add("q%d\td%d\t1".formatted(q, q * NWAY % documents.size()));
    }
    queries = Files.write(directory.resolve("q.tsv"), asked);
    collection = Files.write(directory.resolve("c.tsv"), documents);
    examples = Files.write(directory.resolve("e.jsonl"), lines);
    developmentQueries = queries;
    qrels = Files.write(directory.resolve("qrels.tsv"), judged);
  }

  private static String clean(JsonNode text) {
    return text.asText().replaceAll("\\s+", " ");
  }

  TrainingData data() {
    TrainingFiles.Development development =
        new TrainingFiles.Development(developmentQueries, qrels, 20);
    return TrainingData.load(
        new TrainingFiles(examples, queries, collection, development), 0, 1, Progress.NONE);
  }

  static TrainRun run(Path out, boolean resume) {
    return run(out, resume, 2);
  }

  static TrainRun run(Path out, boolean resume, int threads) {
    String model = GOLDEN.resolve("bert-colbert").toString();
    return new TrainRun(model, null, out, 2, 3, resume, threads);
  }

  /** Options for so many steps of a fast training with dropout. */
  static TrainOptions options(int steps, boolean frozen, long seed) {
    return new TrainOptions(
        steps,
        1e-3,
        new TrainOptions.Schedule(2, true),
        4,
        2,
        new Distillation(NWAY, 1, true),
        0.01,
        2,
        new Dropout(0.1, 0.1),
        frozen,
        seed);
  }
}
