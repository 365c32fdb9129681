package dev.tartan.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.Progress;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Imported indexes find what the engine that wrote them finds. */
class IndexImportTest {
  static final List<String> STATES = ForeignIndexes.STATES;

  /** The engines' scores in float32 differ from ours by the rounding of factors to float16. */
  private static final double TOLERANCE = 2e-3;

  /** Fast-plaid computes in float16: similarities of 6 query rows, each within 2^-11 of itself. */
  private static final double HALF_TOLERANCE = 4e-3;

  @TempDir Path directory;

  @ParameterizedTest
  @FieldSource("STATES")
  void findsWhatTheEngineFinds(String state) throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    Path index = directory.resolve("imported");
    IndexImport.Result result = IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    assertEquals(state.replaceAll("-[^-]*$", ""), result.format().label());
    assertEquals(state.equals("colbert-ai-updated") ? 4 : 0, result.withoutTokens());
    assertEquals(state.startsWith("colbert-ai") ? "some/model" : null, result.manifest().model());
    try (Arena arena = Arena.ofConfined()) {
      ForeignIndexes.assertSameHits(
          index,
          ForeignIndexes.queries(directory, arena),
          ForeignIndexes.expected(directory),
          state.startsWith("fast-plaid") ? HALF_TOLERANCE : TOLERANCE);
    }
  }

  /** Lists are built from the codes; merged files tell their rows by the doclens as well. */
  @ParameterizedTest
  @CsvSource({
    "colbert-ai-updated, ivf.pid.pt avg_residual.pt plan.json",
    "fast-plaid-deleted, ivf.npy ivf_lengths.npy avg_residual.npy plan.json metadata.db",
    "fast-plaid-fresh, merged_codes.manifest.json merged_residuals.manifest.json",
    "next-plaid-fresh, merged_codes.npy merged_residuals.npy cluster_threshold.npy metadata.db",
  })
  void needsNoDerivedFiles(String state, String unneeded) throws IOException {
    Path from = ForeignIndexes.unpack(state, directory);
    Path whole = directory.resolve("whole");
    IndexImport.run(from, whole, ImportOptions.DEFAULT, Progress.NONE);
    for (String file : unneeded.split(" ")) {
      Files.delete(from.resolve(file));
    }
    Path index = directory.resolve("imported");
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    assertSameTokens(whole, index);
  }

  /** As an index that was built on a GPU has it. */
  @Test
  void readsBucketsOfAGpu() throws IOException {
    Path from = ForeignIndexes.unpack("colbert-ai-2bit", directory);
    Path buckets = from.resolve("buckets.pt");
    float[] cutoffs = {-0.5f, 0, 0.5f};
    float[] weights = {-0.75f, -0.25f, 0.25f, 0.75f};
    Map<String, byte[]> entries = new LinkedHashMap<>();
    String pickle =
        "\u0080\2" + onGpu("FloatStorage", 0, 3) + onGpu("HalfStorage", 1, 4) + "\u0086.";
    entries.put("buckets/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1));
    MemorySegment floats = Matrix.of(Arena.ofAuto(), new float[][] {cutoffs}).data();
    entries.put("buckets/data/0", floats.toArray(Layouts.U8));
    entries.put("buckets/data/1", halves(weights).toArray(Layouts.U8));
    Files.write(buckets, ForeignIndexes.archive(entries));
    Path index = directory.resolve("imported");
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    try (Snapshot snapshot = Snapshot.open(index)) {
      assertArrayEquals(cutoffs, snapshot.codec().cutoffs().toArray(Layouts.F32));
      assertArrayEquals(weights, snapshot.codec().weights().toArray(Layouts.F32));
    }
  }

  /** A vector as torch.save has it, of a storage that was on the first GPU. */
  private static String onGpu(String storage, int key, int elements) {
    char n = (char) elements;
    return "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n"
        + storage
        + "\nX\1\0\0\0"
        + key
        + "X\6\0\0\0cuda:0K"
        + n
        + "tQK\0K"
        + n
        + "\u0085K\1\u0085\u0089ccollections\nOrderedDict\n)RtR";
  }

  private static MemorySegment halves(float[] values) {
    MemorySegment halves = MemorySegment.ofArray(new byte[values.length * Short.BYTES]);
    Layouts.floatToHalf(MemorySegment.ofArray(values), halves, values.length);
    return halves;
  }

  private static void assertSameTokens(Path one, Path other) {
    try (Snapshot first = Snapshot.open(one);
        Snapshot second = Snapshot.open(other)) {
      Segment a = first.segments().getFirst();
      Segment b = second.segments().getFirst();
      assertEquals(a.tokens(), b.tokens());
      for (Component component : List.of(Component.CODES, Component.RESIDUALS, Component.FACTORS)) {
        long n = a.tokens();
        assertEquals(-1, a.rows(component, 0, n).mismatch(b.rows(component, 0, n)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void keepsTheGoldenBytesAndScores(int nbits) {
    Path golden = Path.of(System.getProperty("tartan.shared", ""), "golden", "codec");
    assumeTrue(Files.isDirectory(golden), "no golden fixtures: set -Dtartan.shared=DIR");
    Path index = directory.resolve("imported");
    Path from = golden.resolve("colbert-ai-index-%dbit".formatted(nbits));
    IndexImport.run(from, index, ImportOptions.DEFAULT, Progress.NONE);
    try (Arena arena = Arena.ofShared()) {
      ForeignIndexes.assertSameHits(
          index,
          ForeignIndexes.matrices(golden.resolve("queries.npy"), arena),
          best(golden.resolve("scores_%dbit.npy".formatted(nbits))),
          TOLERANCE);
      try (Snapshot snapshot = Snapshot.open(index);
          Backend backend = Contenders.best(2);
          Scope scope = backend.openScope()) {
        assertCompressed(snapshot, backend, scope, floats(golden.resolve("embeddings.npy"), arena));
      }
    }
  }

  /** What compress makes of the golden embeddings is what the imported segment holds. */
  private static void assertCompressed(
      Snapshot snapshot, Backend backend, Scope scope, Matrix embeddings) {
    ResidualCodec codec = snapshot.codec();
    Segment segment = snapshot.segments().getFirst();
    int n = (int) embeddings.rows();
    Buffer codes = scope.allocate(DType.I32, n, 1);
    backend.nearestCentroids(scope.wrap(embeddings), scope.wrap(codec.centroids()), codes);
    Buffer residuals = scope.allocate(DType.U8, n, codec.residualBytes());
    Buffer factors = scope.allocate(DType.U16, n, 1);
    backend.compress(scope.wrap(embeddings), codes, codec.tables(scope), residuals, factors);
    int[] wanted = bytes(codes).toArray(Layouts.I32);
    MemorySegment stored = segment.rows(Component.CODES, 0, n);
    int[] imported =
        IntStream.range(0, n)
            .map(t -> Short.toUnsignedInt(stored.getAtIndex(Layouts.U16, t)))
            .toArray();
    assertEquals(List.of(box(wanted)), List.of(box(imported)));
    assertEquals(-1, bytes(residuals).mismatch(segment.rows(Component.RESIDUALS, 0, n)));
    assertEquals(-1, bytes(factors).mismatch(segment.rows(Component.FACTORS, 0, n)));
  }

  private static Integer[] box(int[] values) {
    return IntStream.of(values).boxed().toArray(Integer[]::new);
  }

  private static MemorySegment bytes(Buffer buffer) {
    MemorySegment heap = MemorySegment.ofArray(new byte[(int) buffer.bytes()]);
    buffer.copyTo(heap);
    return heap;
  }

  /** The ten best of a matrix of scores [queries, passages]. */
  private static List<List<Map.Entry<String, Double>>> best(Path file) {
    List<List<Map.Entry<String, Double>>> all = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      Matrix scores = floats(file, arena);
      for (int q = 0; q < scores.rows(); q++) {
        List<Map.Entry<String, Double>> hits = new ArrayList<>();
        for (int p = 0; p < scores.dim(); p++) {
          hits.add(Map.entry(Integer.toString(p), (double) scores.get(q, p)));
        }
        hits.sort(Map.Entry.<String, Double>comparingByValue().reversed());
        all.add(hits.subList(0, 10));
      }
    }
    return all;
  }

  private static Matrix floats(Path path, Arena arena) {
    try (NpyFile file = NpyFile.open(path)) {
      Matrix matrix = Matrix.allocate(arena, file.shape()[0], (int) file.shape()[1]);
      file.readFloats(0, matrix.rows() * matrix.dim(), matrix.data());
      return matrix;
    }
  }
}
