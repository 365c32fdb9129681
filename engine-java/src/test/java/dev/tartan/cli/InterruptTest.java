package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Processes that die while they replace an index. They read their texts from a pipe, which holds
 * them where the test wants them: in the middle, with the lock taken and embeddings on disk.
 */
class InterruptTest {
  private static final int BATCHES_AND_MORE = 700;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"INT, 130", "TERM, 143", "KILL, 137"})
  void previousCommitStaysAndTheNextWriterTidies(String signal, int exit) throws Exception {
    Path index = Samples.copy(Samples.embeddingIndex(), directory.resolve("index"));
    List<Path> committed = Samples.files(index);
    Path pipe = directory.resolve("docs.jsonl");
    assumeTrue(call("mkfifo", pipe.toString()) == 0, "named pipes");
    Path err = directory.resolve("err");
    Process child = Typed.start(err, "index", "--collection", pipe, "--index", index, "--replace");
    try (BufferedWriter texts = Files.newBufferedWriter(pipe)) {
      assumeTrue(!signal.equals("INT") || !ignoresInterrupts(child), "SIGINT is not ignored");
      for (int i = 0; i < BATCHES_AND_MORE; i++) {
        texts.write("{\"id\": %d, \"text\": \"text of number %d\"}\n".formatted(i, i));
      }
      texts.flush();
      await(child, index.resolve("spool-3.npy"));
      Samples.indexEmbeddings(directory, index, "--replace")
          .fails("being written by another process", "pid " + child.pid());

      assertEquals(0, call("kill", "-" + signal, Long.toString(child.pid())));
      assertTrue(child.waitFor(10, TimeUnit.SECONDS), "dies at once");
      assertEquals(exit, child.exitValue());
    } finally {
      child.destroyForcibly().waitFor();
    }
    assertFalse(Files.readString(err).contains("Exception"), Files.readString(err));
    assertEquals(!signal.equals("KILL"), Files.readString(err).contains("tartan: interrupted"));
    assertTrue(Samples.files(index).size() > committed.size(), "something is left over");
    assertTrue(Typed.run("verify", "--index", index).ok().contains("commit 2 is whole"));

    Samples.indexEmbeddings(directory, index, "--replace").ok();
    assertEquals(committed.size(), Samples.files(index).size(), Samples.files(index).toString());
    Typed.run("verify", "--index", index).ok();
  }

  @Test
  void firstIndexLeavesNone() throws Exception {
    Path index = directory.resolve("index");
    Path docs = Files.write(directory.resolve("docs.jsonl"), Samples.abstracts(300));
    Process child =
        Typed.start(directory.resolve("err"), "index", "--collection", docs, "--index", index);
    await(child, index.resolve("write.lock"));
    child.destroyForcibly().waitFor();
    Typed.run("info", "--index", index).fails("there is no index at " + index);
    Samples.indexEmbeddings(directory, index).ok();
    Typed.run("verify", "--index", index).ok();
  }

  /** Waits until {@code child} has written something to {@code file}. */
  private static void await(Process child, Path file) throws Exception {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
    while (!Files.exists(file) || Files.size(file) == 0) {
      assertTrue(child.isAlive(), "the child failed");
      assertTrue(System.nanoTime() < end, "the child is slow");
      Thread.sleep(20);
    }
  }

  /** Shells start what runs in the background with SIGINT ignored, and children inherit it. */
  private static boolean ignoresInterrupts(Process child) throws IOException {
    Path status = Path.of("/proc/" + child.pid() + "/status");
    if (!Files.exists(status)) {
      return false;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
  }

  private static int call(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
