package dev.tartan.cli;

import dev.tartan.collection.Query;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Calibration;
import dev.tartan.search.SearchOptions;
import dev.tartan.segment.Manifest;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures again which search settings an index needs. */
@Command(
    name = "tune",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures which search settings an index needs for which recall, and stores that with it.",
      "",
      "'tartan index' does it with queries made of the passages. Tune with queries like those to come, 100",
      "or more, if these are unlike the passages, or for other numbers of hits. Only the manifest changes.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan tune --index my-index --queries yesterday.jsonl",
      "  tartan tune --index my-index -k 20,200",
    })
final class TuneCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Mixin QueryFiles queries = new QueryFiles();

  @Option(
      names = "-k",
      paramLabel = "K",
      split = ",",
      description = "Numbers of hits to measure for (default: 10,100,1000).")
  List<Integer> ks = Calibration.KS;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    for (int k : ks) {
      shared.usage(() -> SearchOptions.top(k));
    }
    if (queries.given() > 1) {
      throw shared.wrong("give one of --queries and --query-embeddings, or neither");
    }
    Manifest before = Manifest.read(index);
    Progress progress = shared.progress();
    long start = System.nanoTime();
    Manifest manifest;
    try (Backend backend = shared.openBackend();
        Arena arena = Arena.ofShared()) {
      List<Matrix> given = given(before, arena);
      manifest = Calibration.calibrate(index, given, ks, backend, progress);
    }
    progress.done();
    report(manifest, (System.nanoTime() - start) * 1e-9);
    return 0;
  }

  private List<Matrix> given(Manifest manifest, Arena arena) {
    if (queries.embeddings != null) {
      try (QueryEmbeddings file = queries.openEmbeddings()) {
        if (file.count() == 0) {
          throw new TartanException(queries.embeddings + " holds no queries");
        }
        return file.read(0, file.count(), arena);
      }
    }
    if (queries.texts == null) {
      return List.of();
    }
    List<String> texts = queries.readTexts().stream().map(Query::text).toList();
    if (manifest.model() == null) {
      throw new TartanException(
          "the index at %s was made of brought embeddings and knows no model; tune it with --query-embeddings"
              .formatted(index));
    }
    try (Encoder encoder = shared.openModel(manifest.model(), manifest.language())) {
      return encoder.encodeQueries(texts, arena);
    }
  }

  private void report(Manifest manifest, double seconds) {
    if (shared.json) {
      shared.printJson(
          Map.of(
              "index",
              index.toString(),
              "commit",
              manifest.commit(),
              "search",
              manifest.search(),
              "seconds",
              seconds));
      return;
    }
    InfoCommand.curves(manifest).forEach(shared::print);
    shared.print(
        String.format(Locale.ROOT, "%s: tuned in %s", index, TerminalProgress.time(seconds)));
  }
}
