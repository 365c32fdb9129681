package dev.tartan.cli;

import dev.tartan.train.TrainingFiles;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name training examples and their texts. */
final class ExampleFiles {
  @SuppressWarnings("NullAway.Init") // picocli sets it
  @Option(
      names = "--examples",
      required = true,
      paramLabel = "FILE",
      description = {
        "One example a line: [\"query\", [\"passage\", score], ...] with ids and a teacher's scores, or",
        "[\"query\", \"passage\", ...] or query<TAB>passage<TAB>passage without, the relevant one first.",
      })
  Path examples;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--queries",
      required = true,
      paramLabel = "FILE",
      description = "Their queries: JSONL or TSV, see 'tartan search'.")
  Path queries;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--collection",
      required = true,
      paramLabel = "FILE",
      description = "Their passages: JSONL or TSV, see 'tartan index'.")
  Path collection;

  TrainingFiles with(TrainingFiles.@Nullable Development development) {
    return new TrainingFiles(examples, queries, collection, development);
  }
}
