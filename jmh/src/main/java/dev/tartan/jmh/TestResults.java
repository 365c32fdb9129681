package dev.tartan.jmh;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What became of a run of tests, by class, from the files that Maven leaves. */
record TestResults(List<Suite> suites) {
  private static final Pattern HEAD = Pattern.compile("<testsuite\\b[^>]*>");

  record Suite(String name, int tests, int failed, int skipped) {}

  static TestResults read(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<Suite> suites = new ArrayList<>();
      for (Path file : files.filter(TestResults::isResult).sorted().toList()) {
        Matcher head = HEAD.matcher(Files.readString(file));
        if (head.find()) {
          suites.add(suite(head.group()));
        }
      }
      return new TestResults(suites);
    } catch (IOException e) {
      throw TartanException.io(folder.toString(), e);
    }
  }

  private static boolean isResult(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith("TEST-") && name.endsWith(".xml");
  }

  private static Suite suite(String head) {
    String name = attribute(head, "name");
    return new Suite(
        name.substring(name.lastIndexOf('.') + 1),
        Integer.parseInt(attribute(head, "tests")),
        Integer.parseInt(attribute(head, "failures")) + Integer.parseInt(attribute(head, "errors")),
        Integer.parseInt(attribute(head, "skipped")));
  }

  private static String attribute(String head, String name) {
    Matcher value = Pattern.compile("\\b%s=\"([^\"]*)\"".formatted(name)).matcher(head);
    if (!value.find()) {
      throw new TartanException("a result of tests has no '%s'".formatted(name));
    }
    return value.group(1);
  }

  /** Whether there were tests and none failed. */
  boolean passed() {
    return !suites.isEmpty() && suites.stream().allMatch(suite -> suite.failed == 0);
  }
}
