package dev.tartan.cli;

import dev.tartan.segment.Repair;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Saves what is whole of a damaged index. */
@Command(
    name = "repair",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Saves what is whole of a damaged index, and says what was lost.",
      "",
      "Reads every byte. Segments that are whole stay; the files of the others are kept aside as damaged-*,",
      "with a list of the ids that were in them where it can be read. A whole index is left as it is.",
      "Exit code 1 if anything was lost.",
    },
    footer = {"", "Example:", "  tartan repair --index my-index"})
final class RepairCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    Repair.Report report = Repair.repair(index);
    if (output.json) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("index", index.toString());
      values.put("commit", report.manifest().commit());
      values.put("findings", report.findings());
      values.put("lostDocuments", report.lostDocuments());
      values.put("documents", report.manifest().documents());
      output.printJson(values);
    } else if (report.findings().isEmpty()) {
      output.print("%s: commit %d is whole".formatted(index, report.manifest().commit()));
    } else {
      report.findings().forEach(output::print);
      output.print(
          String.format(
              Locale.ROOT,
              "%s: %,d documents are whole, commit %d; %,d are lost",
              index,
              report.manifest().documents(),
              report.manifest().commit(),
              report.lostDocuments()));
    }
    return report.findings().isEmpty() ? 0 : 1;
  }
}
