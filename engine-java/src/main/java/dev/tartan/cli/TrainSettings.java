package dev.tartan.cli;

import dev.tartan.encode.model.Dropout;
import dev.tartan.memory.Progress;
import dev.tartan.train.Distillation;
import dev.tartan.train.TrainOptions;
import dev.tartan.train.TrainResult;
import dev.tartan.train.TrainRun;
import dev.tartan.train.Trainer;
import dev.tartan.train.TrainingData;
import dev.tartan.train.TrainingFiles;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a training, and the training by them. */
final class TrainSettings {
  private static final int PART_PASSAGES = 32;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Passes over the examples (default: 1).")
  double epochs = 1;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Updates of the weights, in place of --epochs.")
  int steps;

  @Option(
      names = "--lr",
      paramLabel = "R",
      description = "The highest learning rate (default: 1e-5; with --freeze-backbone 1e-3).")
  @Nullable Double rate;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Steps in which the rate rises from 0 (default: a tenth of all).")
  @Nullable Integer warmup;

  @Option(
      names = "--constant-rate",
      description = "Keep the rate after the warm-up (default: it falls to 0 by a straight line).")
  boolean constantRate;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Examples a step (default: ${DEFAULT-VALUE}).")
  int batch = 32;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description = {
        "Parts that a step is computed in, to save memory (default: parts of at most 32 passages, but",
        "1 with --freeze-backbone, which needs little, and with --in-batch-negatives, of one part each).",
      })
  @Nullable Integer accumulate;

  @Option(
      names = "--nway",
      paramLabel = "N",
      description =
          "Passages of an example to use, its first (default: as many as all have, at most 64).")
  int nway;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "The teacher's scores are divided by it (default: ${DEFAULT-VALUE}).")
  double temperature = 1;

  @Option(
      names = "--in-batch-negatives",
      description = "Also tell each first passage from those of other queries.")
  boolean inBatch;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description =
          "Share of values to leave out; 0 for none (default: what the checkpoint states).")
  @Nullable Double dropout;

  @Option(
      names = "--weight-decay",
      paramLabel = "W",
      description = "Weight decay of AdamW (default: ${DEFAULT-VALUE}).")
  double weightDecay = 0.01;

  @Option(
      names = "--clip",
      paramLabel = "N",
      description = "Largest norm of the gradients (default: ${DEFAULT-VALUE}).")
  double clip = 2;

  @Option(names = "--freeze-backbone", description = "Train the projection only.")
  boolean freezeBackbone;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of order and dropout; one seed gives one model (default: ${DEFAULT-VALUE}).")
  long seed = 42;

  @Option(
      names = "--dev-queries",
      paramLabel = "FILE",
      description = "Queries to measure by; do not train on them.")
  @Nullable Path developmentQueries;

  @Option(names = "--dev-qrels", paramLabel = "FILE", description = "Their judgements.")
  @Nullable Path developmentQrels;

  @Option(
      names = "--dev-passages",
      paramLabel = "N",
      description =
          "Passages of the collection that they search: those judged and a sample (default: ${DEFAULT-VALUE}).")
  int developmentPassages = 10_000;

  @Option(
      names = "--measure-every",
      paramLabel = "N",
      description = "Steps between measurements (default: a tenth of all).")
  int measureEvery;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      description = "Steps between states to resume from (default: ${DEFAULT-VALUE}).")
  int saveEvery = 500;

  /** Refuses what makes no sense, before anything is read for long. */
  void check(Shared shared) {
    if ((developmentQueries == null) != (developmentQrels == null)) {
      throw shared.wrong("--dev-queries and --dev-qrels go together");
    }
    if (saveEvery < 1 || measureEvery < 0 || steps < 0 || epochs <= 0 || nway < 0 || batch < 1) {
      throw shared.wrong("steps, epochs, nway, batch and the steps between must be positive");
    }
    shared.usage(() -> options(Integer.MAX_VALUE, Math.max(2, nway)));
  }

  /**
   * Trains.
   *
   * @throws dev.tartan.memory.TartanException as {@link TrainingData#load} and {@link
   *     Trainer#train}
   */
  TrainResult train(Start start, TrainingFiles files, Shared shared) {
    Progress progress = shared.progress();
    TrainingData data = TrainingData.load(files, nway, seed, progress);
    int all =
        steps > 0 ? steps : (int) Math.max(1, Math.ceil(epochs * data.examples().size() / batch));
    TrainOptions options = shared.usage(() -> options(all, data.nway()));
    TrainRun run =
        new TrainRun(
            start.model(),
            start.language(),
            start.out(),
            saveEvery,
            measureEvery == 0 ? Math.max(1, all / 10) : measureEvery,
            start.resume(),
            shared.threads);
    return Trainer.train(run, options, data, progress);
  }

  /** Where a training begins and ends. */
  record Start(String model, @Nullable String language, Path out, boolean resume) {}

  /** The development queries, if there are any. */
  TrainingFiles.@Nullable Development development() {
    return developmentQueries == null || developmentQrels == null
        ? null
        : new TrainingFiles.Development(developmentQueries, developmentQrels, developmentPassages);
  }

  private TrainOptions options(int all, int passages) {
    double highest = rate != null ? rate : freezeBackbone ? 1e-3 : 1e-5;
    return new TrainOptions(
        all,
        highest,
        new TrainOptions.Schedule(warmup == null ? all / 10 : warmup, !constantRate),
        batch,
        accumulate == null ? parts(passages) : accumulate,
        new Distillation(passages, temperature, inBatch),
        weightDecay,
        clip,
        dropout == null ? null : new Dropout(dropout, dropout),
        freezeBackbone,
        seed);
  }

  /** The fewest equal parts of a step with at most 32 passages, or of one example each. */
  private int parts(int passages) {
    int parts = 1;
    while (!freezeBackbone
        && !inBatch
        && parts < batch
        && (batch % parts != 0 || batch / parts * passages > PART_PASSAGES)) {
      parts++;
    }
    return parts;
  }

  /** What machines are told of a result. */
  static Map<String, Object> json(TrainResult result) {
    Map<String, Object> values = new LinkedHashMap<>();
    TrainResult.Metrics metrics = result.metrics();
    values.put("steps", result.steps());
    values.put("loss", result.loss());
    if (metrics != null) {
      values.put("before", metrics.before());
      values.put("best", metrics.best());
      values.put("bestStep", metrics.bestStep());
    }
    return values;
  }

  /** What people are told of a result. */
  static void print(Path out, TrainResult result, Output output) {
    TrainResult.Metrics metrics = result.metrics();
    output.print(
        String.format(Locale.ROOT, "%s: %d steps, loss %.4f", out, result.steps(), result.loss()));
    if (metrics != null) {
      output.print(
          String.format(
              Locale.ROOT,
              "nDCG@10 of the development queries: %.4f before, %.4f %s",
              metrics.before(),
              metrics.best(),
              metrics.bestStep() == 0
                  ? "at best: no step helped, the model is the one it began with"
                  : "after step " + metrics.bestStep()));
    }
  }
}
