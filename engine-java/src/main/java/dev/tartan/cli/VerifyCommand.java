package dev.tartan.cli;

import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks every byte of an index. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Reads every file of an index, compares it with its checksum, and checks all references; exit code 1 at the"
            + " first damage.")
final class VerifyCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    try (Snapshot snapshot = Snapshot.open(index)) {
      snapshot.verify();
      shared.print(
          "%s: commit %d is whole (%d files)"
              .formatted(
                  index, snapshot.manifest().commit(), snapshot.manifest().files().size() + 1));
    }
    return 0;
  }
}
