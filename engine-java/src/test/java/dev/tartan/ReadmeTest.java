package dev.tartan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows of Java compiles and does what it says. */
class ReadmeTest {
  private static final Pattern JAVA = Pattern.compile("(?s)```java\\n(.*?)```");

  @TempDir Path directory;

  @Test
  void theExampleRuns() throws IOException, ReflectiveOperationException {
    Path readme = Path.of(System.getProperty("tartan.readme", "README.md"));
    assumeTrue(Files.exists(readme), "no README: set -Dtartan.readme=FILE");
    Matcher found = JAVA.matcher(Files.readString(readme));
    assertTrue(found.find(), "an example");
    assertEquals(List.of("d1", "d2", "d2", "One vector"), words(run(found.group(1))));
  }

  /** The ids of the hits, best first, the one found in memory, and the best text. */
  private static List<String> words(String out) {
    List<String> lines = out.lines().toList();
    assertEquals(5, lines.size(), out);
    return List.of(
        lines.get(0).split(" +", -1)[1],
        lines.get(1).split(" +", -1)[1],
        lines.get(2),
        lines.get(3).substring(0, "One vector".length()));
  }

  private String run(String code) throws IOException, ReflectiveOperationException {
    Path index = directory.resolve("index");
    String source =
        """
        import dev.tartan.*;
        import dev.tartan.collection.*;
        import dev.tartan.search.*;
        import java.nio.file.Path;
        import java.util.List;
        public class Example {
          public static void main(String[] args) throws Exception {
        %s
          }
        }
        """
            .formatted(code.replace("Path.of(\"my-index\")", "Path.of(args[0])"));
    Path file = Files.writeString(directory.resolve("Example.java"), source);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    ByteArrayOutputStream messages = new ByteArrayOutputStream();
    int failed =
        compiler.run(
            null,
            messages,
            messages,
            "-proc:none",
            "-cp",
            System.getProperty("java.class.path"),
            file.toString());
    assertEquals(0, failed, () -> messages.toString(StandardCharsets.UTF_8));
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      loader
          .loadClass("Example")
          .getMethod("main", String[].class)
          .invoke(null, (Object) new String[] {index.toString()});
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
