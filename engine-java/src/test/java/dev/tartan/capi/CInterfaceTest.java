package dev.tartan.capi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.Backends;
import dev.tartan.capi.Programs.Ended;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.indexing.TestIndex.Doc;
import dev.tartan.memory.Matrix;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.search.Selection;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs in C and Python get the answers of {@link Searcher}, to the bit, and never crash. */
class CInterfaceTest {
  private static final int DIM = 32;
  private static final int K = 10;

  @TempDir static Path shared;
  private static Path index;
  private static Path query;
  private static float[][] rows;
  private static List<String> some;

  @TempDir Path directory;

  @BeforeAll
  static void writeIndex() throws IOException {
    index = shared.resolve("index");
    List<Doc> docs = TestIndex.docs(7, 300, DIM, 3);
    TestIndex.write(index, IndexOptions.of(DIM, 2), docs.subList(0, 200));
    TestIndex.change(index, List.of(docs.get(3).id(), docs.get(4).id()), docs.subList(200, 300));
    some = Stream.iterate(1, i -> i < 300, i -> i + 7).map(i -> docs.get(i).id()).toList();
    SplittableRandom random = new SplittableRandom(11);
    rows = TestIndex.rows(random, 9, DIM, TestIndex.rows(new SplittableRandom(99), 20, DIM, null));
    query = shared.resolve("query.f32");
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = Matrix.of(arena, rows).data().toArray(ValueLayout.JAVA_BYTE);
      Files.write(query, bytes);
    }
  }

  @Test
  void theCProgramFindsWhatTheSearcherFinds() throws IOException {
    Path program = Programs.compile("examples/search.c", directory.resolve("search"));
    assertFindsTheSame(List.of(program.toString()), Programs.environment());
  }

  @Test
  void thePythonScriptFindsWhatTheSearcherFinds() throws IOException {
    Programs.require("python3");
    Map<String, String> environment = new HashMap<>(Programs.environment());
    environment.put(
        "TARTAN_LIBRARY", Programs.built().resolve(System.mapLibraryName("tartan")).toString());
    Path script = Programs.nativeFolder().resolve("examples/search.py");
    assertFindsTheSame(List.of("python3", script.toString()), environment);
    Ended failed =
        Programs.run(
            environment, List.of("python3", script.toString(), "/no/index", query.toString(), "1"));
    assertEquals(1, failed.status());
    assertTrue(
        failed.err().startsWith("search.py: ") && failed.err().contains("/no/index"), failed.err());
    assertEquals(1, failed.err().lines().count(), failed.err());
  }

  /** Threads, errors of all kinds, stale handles, a fork, and what Java must leave alone. */
  @Test
  void whateverACProgramDoesItGetsAnAnswer() throws IOException {
    Path program = Programs.compile("test/capi.c", directory.resolve("capi"));
    Map<String, String> environment = new HashMap<>(Programs.environment());
    environment.put("LC_ALL", "C.UTF-8"); // which the program does not set for itself
    Ended ended =
        Programs.run(environment, List.of(program.toString(), index.toString(), query.toString()));
    assertTrue(ended.succeeded().out().endsWith(" checks, 0 wrong\n"), ended.out());
    assertEquals("", ended.err());
  }

  @Test
  void aJavaThatDoesNotStartDoesNotEndTheProcess() throws IOException {
    Path program = Programs.compile("test/capi.c", directory.resolve("capi"));
    Ended ended =
        Programs.run(Programs.environment(), List.of(program.toString(), index.toString()));
    assertEquals("2 checks, 0 wrong\n", ended.succeeded().out());
    assertEquals("", ended.err());
  }

  @Test
  void anUnfitJavaOrEngineIsOneLine() throws IOException {
    String program = Programs.compile("examples/search.c", directory.resolve("search")).toString();
    Path old = Files.createDirectories(directory.resolve("jdk-17"));
    Files.writeString(old.resolve("release"), "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"17.0.2\"\n");
    Path empty = Files.createDirectories(directory.resolve("empty"));
    assertRefused("that is Java 17; Java 25", program, Map.of("TARTAN_JAVA_HOME", old.toString()));
    assertRefused("no Java is there", program, Map.of("TARTAN_JAVA_HOME", empty.toString()));
    assertRefused("no engine of Tartan", program, Map.of("TARTAN_JAR", empty.toString()));
    assertRefused("nothing is there", program, Map.of("TARTAN_JAR", "/no/tartan.jar"));
    assertRefused("has no jars; set TARTAN_JAR", program, Map.of("TARTAN_JAR", ""));
    Map<String, String> found = new HashMap<>(Programs.environment());
    found.put("TARTAN_JAVA_HOME", "");
    found.put("JAVA_HOME", old.toString()); // passed over
    found.put("PATH", Path.of(System.getProperty("java.home"), "bin").toString());
    Programs.run(found, List.of(program, index.toString(), query.toString(), "1")).succeeded();
  }

  private void assertRefused(String why, String program, Map<String, String> unfit)
      throws IOException {
    Map<String, String> environment = new HashMap<>(Programs.environment());
    environment.putAll(unfit);
    Ended ended =
        Programs.run(environment, List.of(program, index.toString(), query.toString(), "1"));
    assertEquals(1, ended.status());
    assertTrue(ended.err().startsWith("search: ") && ended.err().contains(why), ended.err());
    assertEquals(1, ended.err().lines().count(), ended.err());
  }

  @Test
  void aDamagedIndexIsOneLine() throws IOException {
    String program = Programs.compile("examples/search.c", directory.resolve("search")).toString();
    Path damaged = directory.resolve("damaged");
    TestIndex.write(damaged, IndexOptions.of(DIM, 2), TestIndex.docs(1, 20, DIM, 1));
    Path file = damaged.resolve("segment-1.ids");
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));
    Ended ended =
        Programs.run(
            Programs.environment(), List.of(program, damaged.toString(), query.toString(), "1"));
    assertEquals(1, ended.status());
    assertTrue(ended.err().contains("segment-1.ids"), ended.err());
    assertEquals(1, ended.err().lines().count(), ended.err());
  }

  /** What {@code cmake --install} leaves is found by pkg-config and by find_package. */
  @Test
  void theInstalledLibraryIsFound() throws IOException {
    Programs.require("cmake");
    Path prefix = directory.resolve("prefix");
    Programs.run(
            Map.of(),
            List.of(
                "cmake", "--install", Programs.built().toString(), "--prefix", prefix.toString()))
        .succeeded();
    Path project = Files.createDirectories(directory.resolve("project"));
    Files.writeString(
        project.resolve("CMakeLists.txt"),
        """
        cmake_minimum_required(VERSION 3.20)
        project(consumer LANGUAGES C)
        find_package(tartan 0.1 REQUIRED)
        find_package(PkgConfig)
        if(PkgConfig_FOUND)
          pkg_check_modules(BY_PKG_CONFIG REQUIRED IMPORTED_TARGET tartan)
          add_executable(other %1$s)
          target_link_libraries(other PkgConfig::BY_PKG_CONFIG)
        endif()
        add_executable(consumer %1$s)
        target_link_libraries(consumer tartan::tartan)
        """
            .formatted(Programs.nativeFolder().resolve("examples/search.c")));
    String build = directory.resolve("build").toString();
    Programs.run(
            Map.of("PKG_CONFIG_PATH", prefix.resolve("lib/pkgconfig").toString()),
            List.of(
                "cmake", "-S", project.toString(), "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix))
        .succeeded();
    Programs.run(Map.of(), List.of("cmake", "--build", build)).succeeded();
    assertFindsTheSame(List.of(build + "/consumer"), Programs.environment());
  }

  private static void assertFindsTheSame(List<String> program, Map<String, String> environment)
      throws IOException {
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of(index.toString(), query.toString(), Integer.toString(K)));
    assertEquals(expected(null), found(command, environment));
    command.addAll(some);
    assertEquals(expected(some), found(command, environment));
  }

  /** A line that both examples print; equal if the scores are equal to the bit. */
  private record Line(String rank, float score, String id, int passage, @Nullable String text) {}

  /** Nine digits name a float to the bit. */
  private static List<Line> found(List<String> command, Map<String, String> environment)
      throws IOException {
    return Programs.run(environment, command)
        .succeeded()
        .out()
        .lines()
        .map(line -> line.split("\t", -1))
        .map(f -> new Line(f[0], Float.parseFloat(f[1]), f[2], Integer.parseInt(f[3]), f[4]))
        .toList();
  }

  private static List<Line> expected(@Nullable List<String> ids) {
    List<Line> lines = new ArrayList<>();
    try (Backend backend = Backends.open("auto", 2, _ -> {});
        Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, backend);
        Arena arena = Arena.ofConfined()) {
      Selection selection = ids == null ? null : Selection.ofIds(snapshot, ids);
      for (Hit hit : searcher.search(Matrix.of(arena, rows), SearchOptions.top(K), selection)) {
        Passage passage = searcher.passage(hit);
        String rank = Integer.toString(lines.size() + 1);
        lines.add(new Line(rank, hit.score(), hit.id(), passage.number(), passage.text()));
      }
    }
    assertEquals(K, lines.size());
    return lines;
  }
}
