package dev.tartan.cli;

import dev.tartan.Backends;
import dev.tartan.checkpoint.hub.Hub;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.memory.Progress;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options and manners of the commands that work for long. */
final class Shared extends Output {
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

  @Option(names = "--quiet", description = "Print no progress.")
  boolean quiet;

  /** The backend that was asked for. */
  Backend openBackend() {
    checkOptions();
    return Backends.open(backend, threads, this::notice);
  }

  /**
   * Refuses wrong values of the options of this class.
   *
   * @throws picocli.CommandLine.ParameterException if there is one
   */
  void checkOptions() {
    if (threads < 1) {
      throw wrong("--threads is " + threads + "; at least 1 is needed");
    }
    if (!Backends.NAMES.contains(backend)) {
      throw wrong(
          "there is no backend '%s'; choose of %s"
              .formatted(backend, String.join(", ", Backends.NAMES)));
    }
  }

  @Override
  <T> T usage(Supplier<T> options) {
    checkOptions();
    return super.usage(options);
  }

  /** Opens a model, showing its way here where it comes from the hub. */
  Encoder openModel(String model, @Nullable String language) {
    return Encoders.open(model, threads, language, Hub.ofEnvironment(progress()));
  }

  Progress progress() {
    return quiet ? Progress.NONE : new TerminalProgress(spec.commandLine().getErr());
  }
}
