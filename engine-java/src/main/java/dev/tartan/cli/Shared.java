package dev.tartan.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options and manners that commands share. */
final class Shared {
  private static final ObjectMapper JSON = new ObjectMapper();

  @SuppressWarnings("NullAway.Init") // picocli sets it
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads to work with (default: all processors).")
  int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "auto, cuda, cpu or reference (default: ${DEFAULT-VALUE}).")
  String backend = "auto";

  @Option(names = "--json", description = "Print JSON for machines.")
  boolean json;

  @Option(names = "--quiet", description = "Print no progress.")
  boolean quiet;

  /** The backend that was asked for. */
  Backend openBackend() {
    checkOptions();
    return Backends.open(backend, threads, this::notice);
  }

  private void checkOptions() {
    if (threads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads is " + threads + "; at least 1 is needed");
    }
    if (!Backends.NAMES.contains(backend)) {
      throw new ParameterException(
          spec.commandLine(),
          "there is no backend '%s'; choose of %s"
              .formatted(backend, String.join(", ", Backends.NAMES)));
    }
  }

  Progress progress() {
    return quiet ? Progress.NONE : new TerminalProgress(System.err);
  }

  void notice(String text) {
    spec.commandLine().getErr().println("note: " + text);
  }

  void print(String line) {
    spec.commandLine().getOut().println(line);
  }

  void printJson(Object value) {
    try {
      print(JSON.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes an options record of what was typed: what it refuses is wrong usage. */
  <T> T usage(Supplier<T> options) {
    checkOptions();
    try {
      return options.get();
    } catch (TartanException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
