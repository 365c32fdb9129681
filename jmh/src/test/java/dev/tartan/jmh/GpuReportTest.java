package dev.tartan.jmh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.cuda.CudaProperties;
import dev.tartan.jmh.TestResults.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpuReportTest {
  /** 1,000 GB/s, 1.024 TFLOP/s. */
  private static final CudaProperties DEVICE =
      new CudaProperties("A", 13010, 89, 1, 1e9, 4e9, 1000, 1L << 30, 1L << 20, false);

  /** A million tokens of 36 bytes in 1 ms. */
  private static final GpuTimings.Timing TIMING =
      new GpuTimings.Timing("maxSim", 1e6, 9e5, 1_000_000, 36_000_000, 1e8, true);

  @Test
  void ratesAndShares() {
    String text = new GpuReport("cuda", DEVICE, false, null, List.of(TIMING)).text();
    assertTrue(
        text.endsWith(
            "| maxSim | 1.000 | 0.900 | 1.000 | 1000.0 | 36.0 | 3.6 % | 100.0 | 9.8 % |\n"),
        text);
    assertTrue(text.contains("| driver's CUDA | 13.1 |"), text);
    assertFalse(text.contains("No GPU") || text.contains("--small"), text);
  }

  @Test
  void withoutDevice() {
    String text = new GpuReport("cpu", null, true, null, List.of(TIMING)).text();
    assertTrue(text.contains("--small"), text);
    assertTrue(text.endsWith("| 36.0 |  | 100.0 |  |\n"), text);
  }

  @Test
  void resultsOfTests(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("other.txt"), "");
    assertFalse(TestResults.read(folder).passed());
    write(folder, "a.FirstTest", 5, 0, 0);
    TestResults passed = TestResults.read(folder);
    assertEquals(List.of(new Suite("FirstTest", 5, 0, 2)), passed.suites());
    assertTrue(passed.passed());
    write(folder, "a.SecondTest", 3, 1, 1);
    TestResults failed = TestResults.read(folder);
    assertFalse(failed.passed());
    String text = new GpuReport("cuda", DEVICE, false, failed, List.of()).text();
    assertTrue(text.contains("Tests: FAILED"), text);
    assertTrue(text.contains("| SecondTest | 3 | 2 | 2 |"), text);
  }

  private static void write(Path folder, String name, int tests, int errors, int failures)
      throws IOException {
    Files.writeString(
        folder.resolve("TEST-%s.xml".formatted(name)),
        """
        <?xml version="1.0"?>
        <testsuite version="3" name="%s" time="0.1" tests="%d" errors="%d" skipped="2" failures="%d">
        """
            .formatted(name, tests, errors, failures));
  }
}
