package dev.tartan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.Backend;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What "auto" takes, in processes that find the driver of the tests where the machine's would be.
 */
class BackendsTest {
  @Test
  void aDeviceIsTakenWithoutAWord() throws Exception {
    assertEquals(List.of("cuda"), automatic(driver(), Map.of()));
  }

  @Test
  void aDriverThatCannotBeUsedIsTold() throws Exception {
    for (Map<String, String> broken :
        List.of(
            Map.of("TARTAN_FAKE_DEVICES", "0"),
            Map.of("TARTAN_FAKE_CAPABILITY", "7.5"),
            Map.of("TARTAN_FAKE_FAIL", "cuInit:999:1"))) {
      List<String> said = automatic(driver(), broken);
      assertEquals(2, said.size(), said.toString());
      assertTrue(said.getFirst().startsWith("the GPU is not used: "), said.toString());
      assertTrue(said.getLast().equals("cpu") || said.getLast().equals("reference"));
    }
  }

  @Test
  void aMachineWithoutADriverIsNotTold() throws Exception {
    List<String> said = automatic(Path.of("none"), Map.of());
    assumeTrue(!said.contains("cuda"), "this machine has a GPU");
    assertTrue(said.stream().noneMatch(line -> line.contains("GPU")), said.toString());
  }

  private static Path driver() {
    Path file = Path.of(System.getProperty("tartan.cuda.driver", ""));
    assumeTrue(Files.exists(file), "no driver to test with: " + file);
    return file.toAbsolutePath().getParent();
  }

  private static List<String> automatic(Path libraries, Map<String, String> environment)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=1",
            "-Dtartan.cuda.image=" + System.getProperty("tartan.cuda.image", ""),
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            BackendsTest.class.getName());
    builder.environment().putAll(environment);
    builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
    Process process = builder.redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), out);
    return out.lines().toList();
  }

  /** Tells what "auto" says and takes here. */
  public static void main(String[] args) {
    try (Backend backend = Backends.open("auto", 1, System.out::println)) {
      System.out.println(backend.name());
    }
  }
}
