package dev.tartan.jmh;

import dev.tartan.compute.cuda.CudaProperties;
import dev.tartan.jmh.GpuTimings.Timing;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The report of {@link GpuCheck}.
 *
 * @param device null if another backend was measured
 * @param tests null if none were run
 */
record GpuReport(
    String description,
    @Nullable CudaProperties device,
    boolean small,
    @Nullable TestResults tests,
    List<Timing> timings) {
  private static final double MEGA = 1e6;
  private static final double GIGA = 1e9;
  private static final double TERA = 1e12;

  String text() {
    StringBuilder text = new StringBuilder("# GPU check\n\n");
    text.append(description).append("\n\n");
    if (small) {
      text.append("**Little data (`--small`): the times say nothing.**\n\n");
    }
    if (device != null) {
      describe(device, text);
    }
    if (tests != null) {
      tell(tests, text);
    }
    text.append(
        "## Times\n\n32 query rows, dim 128; the middle of several calls, with the wait for");
    text.append(" their end. Bytes are those stored.\n\n");
    text.append("| | ms | least ms | ns a token | M tokens/s | GB/s | of bandwidth");
    text.append(" | GFLOP/s | of matrix units |\n|---|---|---|---|---|---|---|---|---|\n");
    timings.forEach(timing -> text.append(row(timing)));
    return text.toString();
  }

  private static void describe(CudaProperties device, StringBuilder text) {
    if (device.emulated()) {
      text.append("**No GPU: the driver of the tests plays one on the processor. Device and times");
      text.append(" below are invented.**\n\n");
    }
    text.append("| | |\n|---|---|\n");
    line(text, "device", device.name());
    line(text, "compute capability", format("%.1f", device.capability() / 10.0));
    int driver = device.driver();
    line(text, "driver's CUDA", "%d.%d".formatted(driver / 1000, driver % 1000 / 10));
    line(text, "multiprocessors", Integer.toString(device.multiprocessors()));
    line(text, "clock at most", format("%.0f MHz", device.clock() / MEGA));
    line(text, "memory", format("%.1f GiB", device.memoryBytes() / 0x1p30));
    line(text, "last cache", format("%.1f MiB", device.cacheBytes() / 0x1p20));
    line(text, "memory clock", format("%.0f MHz", device.memoryClock() / MEGA));
    line(text, "bus", device.busBits() + " bits");
    line(text, "bandwidth (computed)", format("%.0f GB/s", device.bandwidth() / GIGA));
    line(
        text,
        "matrix units (computed: float16, float32 sums)",
        format("%.0f TFLOP/s", device.tensorPeak() / TERA));
    text.append('\n');
  }

  private static void line(StringBuilder text, String what, String value) {
    text.append("| ").append(what).append(" | ").append(value).append(" |\n");
  }

  private static void tell(TestResults tests, StringBuilder text) {
    text.append("## Tests: ").append(tests.passed() ? "passed" : "FAILED").append("\n\n");
    text.append("| | tests | failed | skipped |\n|---|---|---|---|\n");
    for (TestResults.Suite suite : tests.suites()) {
      text.append(
          "| %s | %d | %d | %d |\n"
              .formatted(suite.name(), suite.tests(), suite.failed(), suite.skipped()));
    }
    text.append('\n');
  }

  private String row(Timing timing) {
    double seconds = timing.nanos() / GIGA;
    boolean tokens = timing.tokens() > 0;
    double rate = timing.bytes() / seconds;
    double operations = timing.operations() / seconds;
    boolean bandwidth = tokens && device != null && device.bandwidth() > 0;
    boolean tensor = timing.tensor() && device != null && device.tensorPeak() > 0;
    return "| "
        + String.join(
            " | ",
            timing.what(),
            format("%.3f", timing.nanos() / MEGA),
            format("%.3f", timing.least() / MEGA),
            tokens ? format("%.3f", timing.nanos() / timing.tokens()) : "",
            tokens ? format("%.1f", timing.tokens() / seconds / MEGA) : "",
            tokens ? format("%.1f", rate / GIGA) : "",
            bandwidth ? format("%.1f %%", 100 * rate / device.bandwidth()) : "",
            operations > 0 ? format("%.1f", operations / GIGA) : "",
            tensor ? format("%.1f %%", 100 * operations / device.tensorPeak()) : "")
        + " |\n";
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }
}
