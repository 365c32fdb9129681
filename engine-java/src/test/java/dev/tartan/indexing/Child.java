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

/** What runs in a process of its own: taking the lock, and indexing until it is killed. */
final class Child {
  static final Charset CHARSET = StandardCharsets.UTF_8;
  static final String TRY_LOCK = "lock";
  static final String INDEX = "index";
  static final int DOCUMENTS = 1500;

  private Child() {}

  /** A JVM of the same class path and flags; it says what it has done on its standard output. */
  static Process start(String what, Path index) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(a -> a.startsWith("--enable-native") || a.startsWith("--sun-misc"))
        .forEach(command::add);
    command.addAll(
        List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dstdout.encoding=UTF-8", "-cp"));
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.addAll(List.of(Child.class.getName(), what, index.toString()));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
  }

  public static void main(String[] args) {
    Path index = Path.of(args[1]);
    if (args[0].equals(TRY_LOCK)) {
      try (IndexDirectory _ = IndexDirectory.open(index)) {
        System.out.println("free");
      } catch (TartanException e) {
        System.out.println("refused: " + e.getMessage());
      }
    } else {
      System.out.println("started");
      index(index);
      System.out.println("committed");
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
