package dev.tartan.jmh;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.compute.cuda.CudaBackend;
import dev.tartan.compute.cuda.CudaProperties;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./tartan gpu-check}: what the device is and what it takes, as a report of Markdown. The
 * launcher runs the tests before; this tells what became of them.
 */
@Command(
    name = "tartan gpu-check",
    mixinStandardHelpOptions = true,
    description = {
      "Tests the cuda backend on the GPU of this machine, measures it and writes a report.",
      "Exit code 1 where there is no GPU, saying why, or where a test fails."
    })
final class GpuCheck implements Callable<Integer> {
  @Option(
      names = "--report",
      paramLabel = "FILE",
      defaultValue = "gpu-report.md",
      description = "Where the report goes; default: ${DEFAULT-VALUE}.")
  Path report = Path.of("gpu-report.md");

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "cuda",
      description = "Measures another backend, without tests, for comparison.")
  String backend = "cuda";

  @Option(names = "--small", description = "Little data: tries the command, measures nothing.")
  boolean small;

  @Option(names = "--probe", hidden = true, description = "Only tells whether there is a device.")
  boolean probe;

  @Option(names = "--tests", hidden = true, description = "Folder of the tests' results.")
  @Nullable Path tests;

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new GpuCheck())
            .setExecutionExceptionHandler(
                (e, line, _) -> {
                  if (!(e instanceof TartanException)) {
                    throw e;
                  }
                  line.getErr().println("tartan: " + e.getMessage());
                  return CommandLine.ExitCode.SOFTWARE;
                })
            .execute(args));
  }

  @Override
  public Integer call() throws IOException {
    boolean cuda = backend.equals("cuda");
    String problem = cuda ? CudaBackend.problem() : null;
    if (problem != null) {
      throw new TartanException("gpu-check: " + problem);
    }
    if (probe) {
      return CommandLine.ExitCode.OK;
    }
    CudaProperties device = cuda ? CudaProperties.read() : null;
    TestResults results = tests == null ? null : TestResults.read(tests);
    int threads = Runtime.getRuntime().availableProcessors();
    try (Backend subject = Backends.open(backend, threads, System.err::println)) {
      System.err.println("gpu-check: measuring " + subject.description());
      List<GpuTimings.Timing> timings =
          GpuTimings.of(subject, small ? GpuTimings.Sizes.SMALL : GpuTimings.Sizes.WHOLE);
      String text = new GpuReport(subject.description(), device, small, results, timings).text();
      Files.writeString(report, text);
      System.out.print(text);
    }
    System.err.println("gpu-check: written to " + report);
    return results == null || results.passed()
        ? CommandLine.ExitCode.OK
        : CommandLine.ExitCode.SOFTWARE;
  }
}
