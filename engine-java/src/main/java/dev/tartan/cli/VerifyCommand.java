package dev.tartan.cli;

import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks every byte of an index. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Checks every byte of an index.",
      "",
      "Reads every file, compares it with its checksum, and checks all references; exit code 1 at the first",
      "damage.",
    },
    footer = {"", "Example:", "  tartan verify --index my-index"})
final class VerifyCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
      Manifest manifest = snapshot.manifest();
      int files = manifest.files().size() + 1;
      if (output.json) {
        output.printJson(
            Map.of("index", index.toString(), "commit", manifest.commit(), "files", files));
      } else {
        output.print(
            "%s: commit %d is whole (%d files)".formatted(index, manifest.commit(), files));
      }
    }
    return 0;
  }
}
