package dev.tartan.cli;

import dev.tartan.Tartan;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.collection.TrainingExample;
import dev.tartan.collection.TrainingExamples;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.train.NegativeMiner;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes training examples of judged queries and an index. */
@Command(
    name = "mine",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Makes training examples: each relevant passage of a query with passages that a search ranks high and nobody",
      "judged relevant. One a line: [\"query\", \"relevant\", \"negative\", ...].",
    },
    footer = {
      "",
      "Example:",
      "  tartan mine --index my-index --queries q.jsonl --qrels qrels.tsv --out examples.jsonl",
    })
final class MineCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--queries",
      required = true,
      paramLabel = "FILE",
      description = "JSONL or TSV, see 'tartan search'.")
  Path queries;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--qrels",
      required = true,
      paramLabel = "FILE",
      description = "Judgements, see 'tartan eval'.")
  Path qrels;

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The examples.")
  Path out;

  @Mixin NegativeSettings negatives = new NegativeSettings();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the draw (default: ${DEFAULT-VALUE}).")
  long seed = 42;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    NegativeMiner miner = negatives.miner(seed, shared);
    List<Query> asked = Queries.read(queries);
    Qrels judged = Qrels.read(qrels);
    List<TrainingExample> examples;
    try (NewFiles files = new NewFiles()) {
      Path part = files.add(out);
      try (Tartan tartan = Tartan.open(index, shared.openBackend(), shared.threads)) {
        SearchOptions options = SearchOptions.top(negatives.depth());
        examples =
            miner.mine(
                asked,
                judged,
                texts ->
                    tartan.searchAll(texts, options).stream()
                        .map(hits -> hits.stream().map(Hit::id).toList())
                        .toList());
      }
      TrainingExamples.write(part, examples);
      files.publish();
    }
    if (shared.json) {
      shared.printJson(Map.of("out", out.toString(), "examples", examples.size()));
    } else {
      shared.print("%s: %d examples".formatted(out, examples.size()));
    }
    return 0;
  }
}
