package dev.tartan.indexing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that fails at any call: one line, and the last commit or the new one stands, whole. */
class IoErrorTest {
  @TempDir Path directory;

  @Test
  void everyNinthCallFails() throws Exception {
    run(9);
  }

  @Test
  @Tag("slow")
  void everyCallFails() throws Exception {
    run(1);
  }

  private void run(int step) throws Exception {
    Path shim = shim();
    List<String> command = new ArrayList<>(Child.java());
    command.addAll(List.of(IoErrors.class.getName(), directory.toString(), Integer.toString(step)));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LD_PRELOAD", shim.toString());
    Process child = builder.start();
    List<String> said = child.inputReader(Child.CHARSET).lines().toList();
    assertEquals(0, child.waitFor(), () -> String.join("\n", said));
    assertEquals("all is well", said.getLast());
    long refused =
        said.stream()
            .filter(line -> line.matches(".* [1-9]\\d* runs refused.*"))
            .peek(System.out::println)
            .count();
    assertTrue(refused >= 8, "kinds of changes that were refused: " + refused);
  }

  private Path shim() throws IOException, InterruptedException {
    Path source = directory.resolve("fail.c");
    try (InputStream in =
        Objects.requireNonNull(IoErrorTest.class.getResourceAsStream("/io/fail.c"))) {
      Files.copy(in, source);
    }
    Path shim = directory.resolve("libfail.so");
    boolean compiled;
    try {
      compiled =
          new ProcessBuilder(
                      "cc", "-shared", "-fPIC", "-o", shim.toString(), source.toString(), "-ldl")
                  .inheritIO()
                  .start()
                  .waitFor()
              == 0;
    } catch (IOException e) {
      compiled = false;
    }
    assumeTrue(compiled, "there is no C compiler: I/O errors are not injected");
    return shim;
  }
}
