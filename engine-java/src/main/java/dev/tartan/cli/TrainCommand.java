package dev.tartan.cli;

import dev.tartan.encode.Encoders;
import dev.tartan.train.TrainResult;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a late-interaction model. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Trains a late-interaction model on examples: queries with passages that a teacher scored, or whose first",
      "passage is the relevant one.",
      "",
      "--out becomes a model like any other. It is the best one by nDCG@10 if there are development queries, else the",
      "last. Beside it, training/ has a log (log.csv), a curve (curve.svg) and the state to --resume from.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan train --examples scored.jsonl --queries q.jsonl --collection docs.jsonl --out my-model",
      "  tartan train --model tartan-mini --freeze-backbone --examples scored.jsonl --queries q.jsonl \\",
      "    --collection docs.jsonl --dev-queries dev.jsonl --dev-qrels dev.tsv --epochs 3 --out my-model",
      "See also 'tartan mine' and 'tartan teach', which make examples.",
    })
final class TrainCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "The model to begin with: tartan-mini, or a folder (default: ${DEFAULT-VALUE}).")
  String model = Encoders.TARTAN_MINI;

  @Mixin ExampleFiles files = new ExampleFiles();

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The folder for the trained model.")
  Path out;

  @Mixin TrainSettings settings = new TrainSettings();

  @Option(
      names = "--resume",
      description =
          "Go on with the run in --out, to the same result as if it had not been cut off.")
  boolean resume;

  @Option(
      names = "--language",
      paramLabel = "L",
      description = "Language of the texts, for models with a part for each.")
  @Nullable String language;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    shared.checkOptions();
    settings.check(shared);
    TrainSettings.Start start = new TrainSettings.Start(model, language, out, resume);
    TrainResult result = settings.train(start, files.with(settings.development()), shared);
    if (shared.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("out", out.toString());
      values.putAll(TrainSettings.json(result));
      shared.printJson(values);
    } else {
      TrainSettings.print(out, result, shared);
    }
    return 0;
  }
}
