package dev.tartan.jmh;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Scope;
import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.compute.host.HostBackend;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What all benchmarks share: the flags and the length of a run, and a backend with a scope that
 * live as long as one trial. Short enough for the whole suite to end in a few minutes; {@code -f},
 * {@code -wi} and {@code -i} lengthen it.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow",
      "-XX:+UseSerialGC"
    })
public abstract class BackendBenchmark {
  private static final String TIER_PREFIX = "cpu-";

  Backend subject;
  Scope scope;

  /**
   * Opens what {@link Backends} knows by name, or one tier of the cpu backend: "cpu-scalar",
   * "cpu-avx2", "cpu-avx512".
   */
  void open(String name, int threads) {
    subject =
        name.startsWith(TIER_PREFIX)
            ? new HostBackend(name, CpuKernels.tier(name.substring(TIER_PREFIX.length())), threads)
            : Backends.open(name, threads, System.out::println);
    scope = subject.openScope();
    System.out.println("\n# " + subject.description());
  }

  @TearDown
  public void close() {
    scope.close();
    subject.close();
  }
}
