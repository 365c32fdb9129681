package dev.tartan.cli;

import dev.tartan.collection.Measure;
import dev.tartan.collection.Metrics;
import dev.tartan.collection.Qrels;
import dev.tartan.collection.Run;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Scores a run against judgements. */
@Command(
    name = "eval",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Scores a run against judgements.",
      "",
      "Prints nDCG@10, MRR@10, Recall@100, Recall@1000 and Success@5 of a TREC run, averaged over the",
      "queries that have a relevant document.",
    },
    footer = {"", "Example:", "  tartan eval --qrels qrels/test.tsv --run out.trec"})
final class EvalCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--qrels",
      required = true,
      paramLabel = "FILE",
      description =
          "Judgements: BEIR TSV (query-id, corpus-id, score) or TREC (qid 0 docid grade).")
  Path qrels;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--run",
      required = true,
      paramLabel = "FILE",
      description = "A TREC six-column run.")
  Path run;

  @Option(names = "--per-query", description = "Print every query's measures too.")
  boolean perQuery;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    Metrics metrics = Metrics.of(Qrels.read(qrels), Run.read(run));
    if (output.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      for (Measure measure : Measure.values()) {
        values.put(measure.label(), metrics.mean(measure));
      }
      values.put("judgedQueries", metrics.judgedQueries());
      values.put("missingQueries", metrics.missingQueries());
      if (perQuery) {
        values.put("perQuery", perQuery(metrics));
      }
      output.printJson(values);
      return 0;
    }
    if (perQuery) {
      printPerQuery(metrics);
    }
    for (Measure measure : Measure.values()) {
      output.print(
          String.format(Locale.ROOT, "%-12s %.4f", measure.label(), metrics.mean(measure)));
    }
    output.print(
        "%d judged queries%s"
            .formatted(
                metrics.judgedQueries(),
                metrics.missingQueries() == 0
                    ? ""
                    : ", %d of them not in the run (they count 0)"
                        .formatted(metrics.missingQueries())));
    return 0;
  }

  private static Map<String, Map<String, Double>> perQuery(Metrics metrics) {
    Map<String, Map<String, Double>> values = new TreeMap<>();
    for (Measure measure : Measure.values()) {
      metrics
          .perQuery(measure)
          .forEach(
              (query, value) ->
                  values
                      .computeIfAbsent(query, q -> new LinkedHashMap<>())
                      .put(measure.label(), value));
    }
    return values;
  }

  private void printPerQuery(Metrics metrics) {
    for (String id : new TreeSet<>(metrics.perQuery(Measure.NDCG_AT_10).keySet())) {
      StringBuilder line = new StringBuilder(id);
      for (Measure measure : Measure.values()) {
        line.append(
            String.format(
                Locale.ROOT, "\t%s %.4f", measure.label(), metrics.perQuery(measure).get(id)));
      }
      output.print(line.toString());
    }
  }
}
