package dev.tartan.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.NpyFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the reference framework computes: codes, packed bytes, reconstructions and scores. */
class GoldenCodecTest {
  private static final int DIM = 128;
  private static final int QUERIES = 6;

  private final Arena arena = Arena.ofShared();
  private final List<Backend> backends = new ArrayList<>();
  private long[] doclens = {};
  private long[] offsets = {};

  @BeforeEach
  void setUp() {
    String shared = System.getProperty("tartan.shared", "");
    assumeTrue(
        Files.isDirectory(Path.of(shared, "golden", "codec")),
        "the golden fixtures are not here (tartan.shared = '" + shared + "')");
    backends.add(Contenders.reference());
    backends.addAll(Contenders.all());
    doclens = longs("doclens");
    offsets = new long[doclens.length + 1];
    for (int i = 0; i < doclens.length; i++) {
      offsets[i + 1] = offsets[i] + doclens[i];
    }
  }

  @AfterEach
  void tearDown() {
    backends.forEach(Backend::close);
    arena.close();
  }

  @Test
  void codes() {
    for (Backend backend : backends) {
      try (Scope scope = backend.openScope()) {
        Buffer rows = floats(scope, "embeddings", DIM);
        Buffer codes = scope.allocate(DType.I32, rows.rows(), 1);
        backend.nearestCentroids(rows, floats(scope, "centroids", DIM), codes);
        for (int nbits : new int[] {1, 2, 4, 8}) {
          assertArrayEquals(
              Arrays.stream(longs("codes_" + nbits + "bit")).mapToInt(c -> (int) c).toArray(),
              copy(codes).toArray(Layouts.I32),
              backend.description());
        }
      }
    }
  }

  @Test
  void packedResiduals() {
    for (Backend backend : backends) {
      for (int nbits : new int[] {1, 2, 4, 8}) {
        try (Scope scope = backend.openScope()) {
          CodecTables codec = codec(scope, nbits);
          Buffer rows = floats(scope, "embeddings", DIM);
          Buffer packed = scope.allocate(DType.U8, rows.rows(), codec.residualBytes());
          Buffer factors = scope.allocate(DType.U16, rows.rows(), 1);
          backend.compress(rows, ints(scope, "codes_" + nbits + "bit"), codec, packed, factors);
          MemorySegment bytes = copy(packed);
          PackedResiduals.swapOrder(bytes);
          MemorySegment golden = residuals(nbits);
          assertEquals(golden.byteSize(), bytes.byteSize());
          assertEquals(-1, golden.mismatch(bytes), backend.description() + ", bits " + nbits);
        }
      }
    }
  }

  @Test
  void reconstructions() {
    for (Backend backend : backends) {
      for (int nbits : new int[] {2, 4}) {
        try (Scope scope = backend.openScope()) {
          Buffer out = scope.allocate(DType.F32, offsets[doclens.length], DIM);
          backend.decompress(codec(scope, nbits), passages(scope, nbits), 0, out);
          float[] golden = floats("decompressed_" + nbits + "bit");
          // the framework adds and normalises in float16, whose step below 1 is 2^-11 to 2^-10
          assertArrayEquals(golden, copy(out).toArray(Layouts.F32), 1e-3f, backend.description());
        }
      }
    }
  }

  @Test
  void scores() {
    for (Backend backend : backends) {
      for (int nbits : new int[] {1, 2, 4, 8}) {
        try (Scope scope = backend.openScope()) {
          QueryBatch queries = queries(scope);
          CodecTables codec = codec(scope, nbits);
          CentroidScores scores =
              CentroidScores.allocate(scope, queries, (int) codec.centroids().rows());
          backend.centroidScores(queries, codec.centroids(), scores);
          Candidates all = all(scope);
          CompressedPassages stored = withFactors(passages(scope, nbits), codec, backend, scope);
          backend.maxSim(queries, scores, codec, stored, all);
          assertScores(floats("scores_" + nbits + "bit"), all, backend);
        }
      }
    }
  }

  @Test
  void exactScores() {
    for (Backend backend : backends) {
      try (Scope scope = backend.openScope()) {
        Candidates all = all(scope);
        DensePassages dense = new DensePassages(offsets(scope), floats(scope, "embeddings", DIM));
        backend.maxSimDense(queries(scope), dense, all);
        assertScores(floats("exact_scores"), all, backend);
      }
    }
  }

  /** As a segment stores them. */
  private CompressedPassages withFactors(
      CompressedPassages of, CodecTables codec, Backend backend, Scope scope) {
    Buffer rows = floats(scope, "embeddings", DIM);
    Buffer packed = scope.allocate(DType.U8, rows.rows(), codec.residualBytes());
    Buffer factors = scope.allocate(DType.U16, rows.rows(), 1);
    backend.compress(rows, of.codes(), codec, packed, factors);
    return new CompressedPassages(of.offsets(), of.codes(), of.residuals(), factors);
  }

  private void assertScores(float[] golden, Candidates found, Backend backend) {
    float[] scores = copy(found.scores()).toArray(Layouts.F32);
    assertEquals(golden.length, scores.length);
    for (int i = 0; i < golden.length; i++) {
      float bound = Math.max(1e-3f, Contenders.bound(backend, 32, golden[i]));
      assertEquals(golden[i], scores[i], bound, backend.description());
    }
    assertTrue(golden.length > 0);
  }

  private QueryBatch queries(Scope scope) {
    int[] starts = new int[QUERIES + 1];
    Arrays.setAll(starts, q -> 32 * q);
    return new QueryBatch(floats(scope, "queries", DIM), starts);
  }

  private Candidates all(Scope scope) {
    Candidates all = Candidates.allocate(scope, QUERIES, doclens.length);
    int[] numbers = new int[doclens.length];
    Arrays.setAll(numbers, p -> p);
    for (int q = 0; q < QUERIES; q++) {
      Buffer part = all.passages().slice(q * all.capacity(), numbers.length);
      part.copyFrom(MemorySegment.ofArray(numbers));
      all.setCount(q, numbers.length);
    }
    return all;
  }

  private CodecTables codec(Scope scope, int nbits) {
    return new CodecTables(
        CodecTables.Form.UNIT,
        nbits,
        floats(scope, "centroids", DIM),
        floats(scope, "bucket_cutoffs_" + nbits + "bit", 1),
        floats(scope, "bucket_weights_" + nbits + "bit", 1));
  }

  private CompressedPassages passages(Scope scope, int nbits) {
    MemorySegment packed = residuals(nbits);
    PackedResiduals.swapOrder(packed);
    return new CompressedPassages(
        offsets(scope),
        ints(scope, "codes_" + nbits + "bit"),
        scope.wrap(DType.U8, DIM * nbits / 8, packed),
        null);
  }

  private Buffer offsets(Scope scope) {
    return scope.wrap(DType.I64, 1, arena.allocateFrom(Layouts.I64, offsets));
  }

  private Buffer ints(Scope scope, String name) {
    int[] values = Arrays.stream(longs(name)).mapToInt(c -> (int) c).toArray();
    return scope.wrap(DType.I32, 1, arena.allocateFrom(Layouts.I32, values));
  }

  private Buffer floats(Scope scope, String name, int columns) {
    return scope.wrap(DType.F32, columns, arena.allocateFrom(Layouts.F32, floats(name)));
  }

  /** The packed residuals in the published order. */
  private MemorySegment residuals(int nbits) {
    long[] values = longs("residuals_" + nbits + "bit");
    MemorySegment bytes = arena.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      bytes.set(Layouts.U8, i, (byte) values[i]);
    }
    return bytes;
  }

  private static MemorySegment copy(Buffer buffer) {
    MemorySegment heap = MemorySegment.ofArray(new byte[(int) buffer.bytes()]);
    buffer.copyTo(heap);
    return heap;
  }

  private static long[] longs(String name) {
    try (NpyFile file = NpyFile.open(path(name))) {
      return file.readLongs();
    }
  }

  private float[] floats(String name) {
    try (NpyFile file = NpyFile.open(path(name))) {
      int n = Math.toIntExact(Arrays.stream(file.shape()).reduce(1, (a, b) -> a * b));
      MemorySegment values = arena.allocate(n * 4L, 4);
      file.readFloats(0, n, values);
      return values.toArray(Layouts.F32);
    }
  }

  private static Path path(String name) {
    return Path.of(System.getProperty("tartan.shared", ""), "golden", "codec", name + ".npy");
  }
}
