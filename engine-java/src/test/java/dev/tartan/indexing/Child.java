package dev.tartan.indexing;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.IndexDirectory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What runs in a process of its own: taking the lock, and indexing, or changing an index, until it
 * is killed.
 */
final class Child {
  static final Charset CHARSET = StandardCharsets.UTF_8;
  static final String TRY_LOCK = "lock";
  static final String INDEX = "index";

  /** Followed by the number of the first change: {@link Changes} from there on, without end. */
  static final String CHANGE = "change-";

  static final int DOCUMENTS = 1500;

  private Child() {}

  /** A JVM of the same class path and flags; it says what it has done on its standard output. */
  static Process start(String what, Path index) throws IOException {
    return start(what, index, Map.of());
  }

  /** The same with more environment. */
  static Process start(String what, Path index, Map<String, String> environment)
      throws IOException {
    List<String> command = java();
    command.addAll(List.of(Child.class.getName(), what, index.toString()));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** The start of a command line: a JVM of the same class path and flags. */
  static List<String> java() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(a -> a.startsWith("--enable-native") || a.startsWith("--sun-misc"))
        .forEach(command::add);
    command.addAll(
        List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dstdout.encoding=UTF-8", "-cp"));
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    return command;
  }

  public static void main(String[] args) {
    Path index = Path.of(args[1]);
    if (args[0].equals(TRY_LOCK)) {
      try (IndexDirectory _ = IndexDirectory.open(index)) {
        System.out.println("free");
      } catch (TartanException e) {
        System.out.println("refused: " + e.getMessage());
      }
    } else if (args[0].startsWith(CHANGE)) {
      change(index, Integer.parseInt(args[0].substring(CHANGE.length())));
    } else {
      System.out.println("started");
      index(index);
      System.out.println("committed");
    }
  }

  private static void change(Path index, int first) {
    try (Backend backend = Contenders.best(1)) {
      for (int change = first; ; change++) {
        System.out.println("begin " + change);
        try {
          Changes.apply(index, change, backend);
        } catch (TartanException e) {
          System.out.println("refused: " + e.getMessage());
          return;
        }
        System.out.println("done " + change);
      }
    }
  }

  private static void index(Path index) {
    try (Backend backend = Contenders.best(1);
        IndexWriter writer =
            new IndexWriter(index, IndexOptions.of(32, 2), backend, Progress.NONE)) {
      TestIndex.docs(5, DOCUMENTS, 32, 3).forEach(doc -> TestIndex.add(writer, doc));
      writer.commit();
    }
  }
}
