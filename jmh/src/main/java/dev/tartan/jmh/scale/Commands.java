package dev.tartan.jmh.scale;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import picocli.CommandLine;

/** What the commands of this package share. */
final class Commands {
  private Commands() {}

  /** Runs a command line; a user's mistake is one line on stderr. Returns the exit code. */
  static int run(Object command, String... args) {
    return new CommandLine(command)
        .setUsageHelpWidth(100)
        .setExecutionExceptionHandler(
            (e, line, _) -> {
              if (!(e instanceof TartanException)) {
                throw e;
              }
              line.getErr().println("tartan: " + e.getMessage());
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(args);
  }

  static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  static Backend backend(int threads) {
    return Backends.open("auto", threads, notice -> System.err.println("note: " + notice));
  }

  /** Deletes a folder with all that is in it. */
  static void delete(Path folder) {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
