package dev.tartan.capi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Compiles and runs programs that use libtartan, as it lies in the build of {@code native}. */
final class Programs {
  private static final long PATIENCE_SECONDS = 120;

  private Programs() {}

  /**
   * What a program has done.
   *
   * @param out its standard output
   * @param err its standard error
   */
  record Ended(int status, String out, String err) {
    Ended succeeded() {
      assertEquals(0, status, () -> out + err);
      return this;
    }
  }

  /** The module {@code native}; skips the test where it is not there. */
  static Path nativeFolder() {
    String folder = System.getProperty("tartan.native");
    assumeTrue(folder != null, "tartan.native is not set");
    return Path.of(folder).normalize();
  }

  /** The folder of libtartan; skips the test where it was not built. */
  static Path built() {
    Path folder = nativeFolder().resolve("target/cmake");
    assumeTrue(
        Files.exists(folder.resolve(System.mapLibraryName("tartan"))),
        "libtartan is not built: it needs CMake, a C++ compiler and jni.h");
    return folder;
  }

  static void require(String tool) {
    boolean found = false;
    for (String folder : System.getenv("PATH").split(":", -1)) {
      found |= Files.isExecutable(Path.of(folder, tool));
    }
    assumeTrue(found, "no " + tool + " on the PATH");
  }

  /** Compiles a C file of {@code native} and returns the program. */
  static Path compile(String source, Path target) throws IOException {
    require("cc");
    String libraries = built().toString();
    List<String> command =
        new ArrayList<>(List.of("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror"));
    command.addAll(
        List.of(
            "-I" + nativeFolder().resolve("include"), nativeFolder().resolve(source).toString()));
    command.addAll(List.of("-L" + libraries, "-ltartan", "-lpthread", "-Wl,-rpath," + libraries));
    command.addAll(List.of("-o", target.toString()));
    run(Map.of(), command).succeeded();
    return target;
  }

  /** This Java and this engine, as a program is told of them. */
  static Map<String, String> environment() {
    return Map.of(
        "TARTAN_JAVA_HOME",
        System.getProperty("java.home"),
        "TARTAN_JAR",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
  }

  static Ended run(Map<String, String> environment, List<String> command) throws IOException {
    Path out = Files.createTempFile("out", ".txt");
    Path err = Files.createTempFile("err", ".txt");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(command + " does not end: " + Files.readString(err));
      }
      return new Ended(process.exitValue(), Files.readString(out), Files.readString(err));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }
}
