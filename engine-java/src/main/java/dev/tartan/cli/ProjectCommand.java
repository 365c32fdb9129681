package dev.tartan.cli;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.encode.ProjectionFit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Computes the projection of tartan-mini again. */
@Command(
    name = "project",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Computes the projection of tartan-mini from texts.",
      "",
      "It is made of the leading directions of the token embeddings. The same texts in the same order give the",
      "same file.",
    },
    footer = {"", "Example:", "  tartan project --collection docs.jsonl --out head.safetensors"})
final class ProjectCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--collection",
      required = true,
      paramLabel = "FILE",
      description =
          "Texts to fit it to, see 'tartan index'; given several times, each has the same weight.")
  List<Path> collections;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The safetensors file.")
  Path out;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use the first N documents of each collection (default: all).")
  int limit = Integer.MAX_VALUE;

  @Option(
      names = "--dim",
      paramLabel = "D",
      description = "Values a row (default: ${DEFAULT-VALUE}).")
  int dim = 128;

  @Option(
      names = "--whitening",
      paramLabel = "A",
      description =
          "Directions are scaled by eigenvalue^(-A/2), 0 to 1 (default: ${DEFAULT-VALUE}).")
  double whitening = 0.25;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    ProjectionFit fit = output.usage(() -> new ProjectionFit(dim, whitening));
    List<Stream<String>> texts = new ArrayList<>();
    for (Path file : collections) {
      List<String> passages = new ArrayList<>();
      new Collection(file).forEach((Document d) -> passages.add(d.passage()));
      texts.add(passages.stream().limit(limit));
    }
    long tokens = fit.fit(texts, Runtime.getRuntime().availableProcessors(), out);
    if (output.json) {
      output.printJson(Map.of("out", out.toString(), "dim", dim, "tokens", tokens));
      return 0;
    }
    output.print("%s: [%d, hidden] fitted to %,d tokens".formatted(out, dim, tokens));
    return 0;
  }
}
