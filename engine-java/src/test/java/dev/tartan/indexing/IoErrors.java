package dev.tartan.indexing;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.memory.TartanException;
import dev.tartan.segment.Manifest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Runs with {@code fail.c} preloaded: changes of every kind, each with every one of its calls that
 * write failing in turn, alone or with all after it. Says how many failed on its standard output,
 * or what went wrong.
 */
final class IoErrors {
  private static final MethodHandle FAIL_AT =
      Linker.nativeLinker()
          .downcallHandle(
              SymbolLookup.libraryLookup(
                      Objects.requireNonNull(System.getenv("LD_PRELOAD")), Arena.global())
                  .findOrThrow("fail_at"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_LONG,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT));

  private IoErrors() {}

  public static void main(String[] args) throws IOException {
    Path root = Path.of(args[0]);
    int step = Integer.parseInt(args[1]);
    try (Backend backend = Contenders.best(1)) {
      for (Changes.Kind kind : Changes.Kind.values()) {
        Path before = root.resolve("before-" + kind);
        Changes.start(before);
        int change = 1;
        for (; !commits(root, before, kind, change, backend); change++) {
          Changes.apply(before, change, backend);
        }
        for (boolean andAfter : List.of(false, true)) {
          System.out.println(kind + ": " + fail(root, before, change, andAfter, step, backend));
        }
      }
    }
    System.out.println("all is well");
  }

  /** Whether the next change is of a kind, and has something to do. */
  private static boolean commits(
      Path root, Path before, Changes.Kind kind, int change, Backend backend) throws IOException {
    if (Changes.kind(change) != kind) {
      return false;
    }
    Path index = root.resolve("index");
    copy(before, index);
    Changes.apply(index, change, backend);
    return Manifest.read(index).commit() > Manifest.read(before).commit();
  }

  private static String fail(
      Path root, Path before, int change, boolean andAfter, int step, Backend backend)
      throws IOException {
    int refused = 0;
    int committed = 0;
    for (int call = 1; ; call += step) {
      Path index = root.resolve("index");
      copy(before, index);
      long commit = Manifest.read(index).commit();
      boolean failed = false;
      arm(index, call, andAfter);
      try {
        Changes.apply(index, change, backend);
      } catch (TartanException e) {
        failed = true;
        require(!String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
      }
      long seen = arm(index, 0, false);
      Map<String, List<Integer>> held = Changes.held(index);
      boolean old = Manifest.read(index).commit() == commit;
      require(failed || held.equals(Changes.expected(change)), "done, but not there");
      require(held.equals(Changes.expected(old ? change - 1 : change)), "neither old nor new");
      refused += failed ? 1 : 0;
      committed += failed && !old ? 1 : 0;
      Changes.apply(index, old ? change : change + 1, backend); // it can be written again
      if (seen < call) {
        return "%d calls, %d runs refused, %d of them after the commit"
            .formatted(seen, refused, committed);
      }
    }
  }

  private static void require(boolean right, Object what) {
    if (!right) {
      throw new IllegalStateException(String.valueOf(what));
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    if (Files.exists(to)) {
      try (Stream<Path> files = Files.list(to)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  private static long arm(Path folder, long call, boolean andAfter) {
    try (Arena arena = Arena.ofConfined()) {
      return (long)
          FAIL_AT.invokeExact(arena.allocateFrom(folder.toString()), call, andAfter ? 1 : 0);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
