package dev.tartan.cli;

import dev.tartan.compute.Backend;
import dev.tartan.interop.ForeignFormat;
import dev.tartan.interop.ImportOptions;
import dev.tartan.interop.IndexImport;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Schema;
import dev.tartan.search.Calibration;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes an index of what another engine wrote. */
@Command(
    name = "import",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Makes an index of one that colbert-ai (RAGatouille, PyLate), fast-plaid or next-plaid wrote.",
      "",
      "Codes and residuals are taken as they are, so hits and scores stay the same. Ids, texts and",
      "metadata come along where there are any; else documents are numbered from 0, as the engine does.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan import --from .ragatouille/colbert/indexes/mine --index my-index",
      "  tartan import --from fast-plaid-index --index my-index --ids ids.txt --model my-model",
    })
final class ImportCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--from",
      required = true,
      paramLabel = "DIR",
      description =
          "The folder of the other engine's index, or the one that PyLate makes; it is left as it is.")
  Path from;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--index",
      required = true,
      paramLabel = "DIR",
      description = "The index to make.")
  Path index;

  @Option(names = "--replace", description = "Replace what the index holds, in one commit.")
  boolean replace;

  @Option(
      names = "--format",
      paramLabel = "NAME",
      description = "colbert-ai, fast-plaid or next-plaid (default: told from the files).")
  @Nullable String format;

  @Option(
      names = "--ids",
      paramLabel = "FILE",
      description =
          "One id a line, for each passage in order; passages of a document follow each other (default: those of"
              + " the index).")
  @Nullable Path ids;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "The model that made the embeddings, to search the index in words (default: what the index names).")
  @Nullable String model;

  @Option(
      names = "--field",
      paramLabel = "NAME=TYPE",
      description =
          "The type of a field of the documents' metadata, as for 'tartan index' (default: that of its first"
              + " value). Repeat for more fields.")
  List<String> fields = List.of();

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    String name = format;
    ForeignFormat chosen = name == null ? null : shared.usage(() -> ForeignFormat.of(name));
    Schema declared = shared.usage(() -> Schema.declared(fields));
    if (IndexDirectory.exists(index) && !replace) {
      throw new TartanException(
          "%s holds an index already; add --replace to replace it in one commit".formatted(index));
    }
    long start = System.nanoTime();
    Progress progress = shared.progress();
    try (Backend backend = shared.openBackend()) {
      IndexImport.Result result =
          IndexImport.run(from, index, new ImportOptions(chosen, ids, model, declared), progress);
      Manifest manifest =
          Calibration.calibrate(index, List.of(), Calibration.KS, backend, progress);
      progress.done();
      if (result.withoutTokens() > 0) {
        shared.notice(
            "%d passages without tokens were left out: deleted there, most likely"
                .formatted(result.withoutTokens()));
      }
      report(manifest, result, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private void report(Manifest manifest, IndexImport.Result result, double seconds) {
    if (shared.json) {
      shared.printJson(
          Map.of(
              "index", index.toString(),
              "format", result.format().label(),
              "documents", manifest.documents(),
              "passages", manifest.passages(),
              "tokens", manifest.tokens(),
              "withoutTokens", result.withoutTokens(),
              "seconds", seconds));
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d documents, %,d passages, %,d tokens at %d bits, %,d centroids, of %s, in %s",
            index,
            manifest.documents(),
            manifest.passages(),
            manifest.tokens(),
            manifest.codec().nbits(),
            manifest.codec().centroids(),
            result.format().label(),
            TerminalProgress.time(seconds)));
  }
}
