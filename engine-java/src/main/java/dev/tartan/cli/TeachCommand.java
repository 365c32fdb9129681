package dev.tartan.cli;

import dev.tartan.MaxSimReranker;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.Reranker;
import dev.tartan.memory.Progress;
import dev.tartan.train.Teacher;
import dev.tartan.train.TrainingData;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Scores training examples by a teacher. */
@Command(
    name = "teach",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Gives the passages of training examples the scores of a teacher, for 'tartan train': a cross-encoder, or",
      "several whose scores are brought to one spread and averaged, or another late-interaction model.",
    },
    footer = {
      "",
      "Example:",
      "  tartan teach --cross-encoder M --examples e.jsonl --queries q.jsonl --collection docs.jsonl --out scored.jsonl",
    })
final class TeachCommand implements Callable<Integer> {
  @Option(
      names = "--cross-encoder",
      paramLabel = "DIR",
      description =
          "The teacher: the folder of a model for sequence classification with one output; repeat it for several.")
  List<String> crossEncoders = List.of();

  @Option(
      names = "--model",
      paramLabel = "M",
      description = "The teacher: tartan-mini, or the folder of a late-interaction model.")
  @Nullable String model;

  @Mixin ExampleFiles files = new ExampleFiles();

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The examples.")
  Path out;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    if (crossEncoders.isEmpty() == (model == null)) {
      throw shared.wrong("give one of --cross-encoder and --model");
    }
    shared.checkOptions();
    Progress progress = shared.progress();
    TrainingData data = TrainingData.load(files.with(null), TrainingData.ALL, 0, progress);
    try (NewFiles written = new NewFiles()) {
      Path part = written.add(out);
      List<TrainingExample> scored = teach(new Teacher(data, progress));
      TrainingExamples.write(part, scored);
      written.publish();
      if (shared.json) {
        shared.printJson(Map.of("out", out.toString(), "examples", scored.size()));
      } else {
        shared.print("%s: %d examples".formatted(out, scored.size()));
      }
    }
    return 0;
  }

  private List<TrainingExample> teach(Teacher teacher) {
    if (model == null) {
      return teacher.teach(crossEncoders, shared.threads);
    }
    try (Backend backend = shared.openBackend();
        Encoder encoder = Encoders.open(model, shared.threads);
        Reranker reranker = new MaxSimReranker(encoder, backend, teacher.queries())) {
      return teacher.teach(reranker);
    }
  }
}
