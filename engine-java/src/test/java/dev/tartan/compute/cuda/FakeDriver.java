package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The driver that runs kernels on the processor (kernels/src/test/driver), and its settings. */
public final class FakeDriver {
  private FakeDriver() {}

  /** The library; the test is skipped where it was not built. */
  static Path file() {
    String file = System.getProperty(CudaDriver.PROPERTY, "");
    assumeTrue(Files.exists(Path.of(file)), "no driver to test with: " + file);
    return Path.of(file);
  }

  /** Changes a setting for all that follows in this process; an empty one is that of the start. */
  static void set(String name, String value) {
    Path file = file(); // outside: it skips the test by an exception
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup lookup = SymbolLookup.libraryLookup(file, Arena.global());
      MethodHandle set =
          Linker.nativeLinker()
              .downcallHandle(
                  lookup.findOrThrow("tartan_fake_set"),
                  FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
      MemorySegment first = arena.allocateFrom(name);
      MemorySegment second = arena.allocateFrom(value);
      set.invokeExact(first, second);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** How often a function of the driver was called in this process. */
  public static long calls(String function) {
    Path file = file();
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle calls =
          Linker.nativeLinker()
              .downcallHandle(
                  SymbolLookup.libraryLookup(file, Arena.global()).findOrThrow("tartan_fake_calls"),
                  FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
      return (long) calls.invokeExact(arena.allocateFrom(function));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Runs {@link #main} in a process of its own; what it prints. */
  static String child(Map<String, String> environment, String... flags)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"));
    command.add("-D" + CudaDriver.PROPERTY + "=" + System.getProperty(CudaDriver.PROPERTY));
    command.add("-D" + CudaImage.PROPERTY + "=" + System.getProperty(CudaImage.PROPERTY));
    command.addAll(List.of(flags));
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(FakeDriver.class.getName());
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("TARTAN_FAKE_DEVICES", "1");
    builder.environment().putAll(environment);
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return out.strip();
  }

  /** Tells what comes of the backend here. */
  public static void main(String[] args) {
    try (CudaBackend backend =
        CudaBackend.open(1, notice -> System.out.println("notice: " + notice))) {
      System.out.println(backend.description());
    } catch (dev.tartan.memory.TartanException e) {
      System.out.println("refused: " + e.getMessage());
    }
  }
}
