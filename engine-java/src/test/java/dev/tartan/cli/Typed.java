package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What came of a command line. */
record Typed(int exit, String out, String err) {

  /** Runs a command line in this process. */
  static Typed run(Object... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    int exit = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
    return new Typed(exit, out.toString(), err.toString());
  }

  /** A process of its own that runs a command line; stderr goes to {@code err}. */
  static Process start(Path err, Object... args) throws IOException {
    return start(err, Map.of(), args);
  }

  /** As {@link #start(Path, Object...)} with more variables of the environment. */
  static Process start(Path err, Map<String, String> environment, Object... args)
      throws IOException {
    List<String> words =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Xmx1g",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    Stream.of(args).map(Object::toString).forEach(words::add);
    ProcessBuilder process = new ProcessBuilder(words);
    process.environment().putAll(environment);
    return process
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(err.toFile())
        .start();
  }

  /** Requires success; gives stdout. */
  String ok() {
    assertEquals(0, exit, err);
    assertFalse(out.contains("\u001b"), "no ANSI codes");
    return out;
  }

  JsonNode json() throws IOException {
    return new ObjectMapper().readTree(ok());
  }

  /** Requires exit code 1 and as the last line of stderr one that has all {@code parts}. */
  void fails(String... parts) {
    assertEquals(1, exit, err);
    String message = err.lines().filter(line -> !isProgress(line)).toList().toString();
    assertEquals(1, err.lines().filter(line -> !isProgress(line)).count(), message);
    has(err.lines().toList().getLast(), parts);
  }

  /** Requires exit code 2, one line that has all {@code parts}, and a hint. */
  void isWrongUsage(String... parts) {
    assertEquals(2, exit, err);
    assertEquals("", out);
    List<String> lines = err.lines().toList();
    assertEquals(2, lines.size(), err);
    assertTrue(lines.getLast().matches("try 'tartan.* --help'"), err);
    has(lines.getFirst(), parts);
  }

  private void has(String line, String... parts) {
    assertTrue(line.startsWith("tartan: "), err);
    assertFalse(line.contains("internal error") || line.contains("Exception"), err);
    assertAll(
        Arrays.stream(parts)
            .map(part -> () -> assertTrue(line.contains(part), "'" + part + "' in: " + err)));
  }

  private static boolean isProgress(String line) {
    return line.matches(
        "(checking|merging|fetching|encoding|sampling|clustering|asking for .*|compressing|inverted lists|.*ing search|reading|importing|exporting|training|scoring): .*");
  }
}
