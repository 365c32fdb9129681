package dev.tartan.cli;

import dev.tartan.interop.ColbertAiExport;
import dev.tartan.interop.ForeignFormat;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes an index in the layout of another engine. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Writes an index of codec colbertv2 in the layout of colbert-ai.",
      "",
      "Codes and residuals are taken as they are. Ids, texts and metadata go into the files that",
      "RAGatouille keeps beside; deleted documents are left out.",
    },
    footer = {"", "Example:", "  tartan export --index my-index --to colbert-ai-index"})
final class ExportCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--to",
      required = true,
      paramLabel = "DIR",
      description = "The folder to write; new or empty.")
  Path to;

  @Option(
      names = "--format",
      paramLabel = "NAME",
      description = "Only colbert-ai is written (default: ${DEFAULT-VALUE}).")
  String format = ForeignFormat.COLBERT_AI.label();

  @Option(names = "--quiet", description = "Print no progress.")
  boolean quiet;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    if (!format.equals(ForeignFormat.COLBERT_AI.label())) {
      throw output.wrong("--format is %s; only colbert-ai is written".formatted(format));
    }
    Progress progress =
        quiet ? Progress.NONE : new TerminalProgress(output.spec.commandLine().getErr());
    try (Snapshot snapshot = Snapshot.open(index)) {
      ColbertAiExport.Result result = ColbertAiExport.run(snapshot, to, progress);
      progress.done();
      if (output.json) {
        output.printJson(
            Map.of(
                "to", to.toString(),
                "passages", result.passages(),
                "tokens", result.tokens(),
                "chunks", result.chunks()));
      } else {
        output.print(
            String.format(
                Locale.ROOT,
                "%s: %,d passages, %,d tokens in %d chunk%s",
                to,
                result.passages(),
                result.tokens(),
                result.chunks(),
                result.chunks() == 1 ? "" : "s"));
      }
    }
    return 0;
  }
}
