package dev.tartan.compute.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.host.HostKernels;
import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The C++ kernels of one tier. Stateless; any number of threads may call at once. */
public final class CpuKernels implements HostKernels {
  private static final int UNIT = 0;
  private static final int SCALED = 1;
  private static final int BAD_CODE = 2;
  private static final int BAD_PASSAGE = 3;

  private final int tier;

  private CpuKernels(int tier) {
    this.tier = tier;
  }

  /**
   * The kernels of the best tier that this machine can run and that passes its self-check ({@link
   * TierCheck}). For a tier that does not, {@code notices} receives one line.
   *
   * @throws TartanException with the reason if the library is missing, does not load, or is of
   *     another version
   */
  public static CpuKernels best(Consumer<String> notices) {
    requireLibrary();
    return TierCheck.best(all(), notices);
  }

  /**
   * The kernels of one tier, by its name: "scalar", "avx2", "avx512".
   *
   * @throws TartanException if this machine does not have it, or it fails its self-check
   */
  public static CpuKernels tier(String name) {
    requireLibrary();
    return TierCheck.named(all(), name);
  }

  /** One of each tier that this machine can run, the slowest first; empty without the library. */
  public static List<CpuKernels> all() {
    List<CpuKernels> all = new ArrayList<>();
    if (NativeLibrary.get().problem() == null) {
      requireLibrary();
      for (int tier = 0; tier <= CpuFunctions.bestTier(); tier++) {
        all.add(new CpuKernels(tier));
      }
    }
    return all;
  }

  /** Why there are no CPU kernels here; null if there are. */
  public static @Nullable String problem() {
    return NativeLibrary.get().problem();
  }

  @Override
  public String description() {
    return "cpu (%s)".formatted(CpuFunctions.tierName(tier));
  }

  @Override
  public void centroidScores(HostQuery query, MemorySegment centroid, long first, long last) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.centroidScores(
              tier, struct(arena, query), centroid, first, last, query.scores(), query.best()));
    }
  }

  @Override
  public void quantiseCentroids(
      MemorySegment centroid, int dim, MemorySegment values, MemorySegment stepsAndReach) {
    check(
        CpuFunctions.quantiseCentroids(
            tier,
            centroid,
            values.byteSize() / dim,
            dim,
            values,
            stepsAndReach,
            stepsAndReach.asSlice(Float.BYTES)));
  }

  @Override
  public long integerQueryBytes(int rows, int dim, int nbits) {
    return CpuFunctions.integerQueryBytes(rows, dim, nbits);
  }

  @Override
  public void quantiseQuery(
      HostQuery query, HostGrid grid, @Nullable HostCodec codec, MemorySegment block) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment tables = codec == null ? MemorySegment.NULL : struct(arena, codec);
      check(
          CpuFunctions.quantiseQuery(
              tier, struct(arena, query), struct(arena, grid), tables, block));
    }
  }

  @Override
  public void integerScores(HostIntegerQuery query, HostGrid grid, long first, long last) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.integerScores(
              tier,
              struct(arena, query),
              struct(arena, grid),
              first,
              last,
              query.scores(),
              query.best()));
    }
  }

  @Override
  public long candidates(
      HostIntegerQuery query,
      HostLists lists,
      int nprobe,
      MemorySegment scratch,
      MemorySegment out,
      MemorySegment outScores) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      check(
          CpuFunctions.candidates(
              tier,
              struct(arena, query),
              nprobe,
              lists.offsets(),
              lists.listed(),
              lists.passages(),
              scratch,
              out,
              outScores,
              out.byteSize() / Integer.BYTES,
              count));
      return count.get(JAVA_LONG, 0);
    }
  }

  @Override
  public void approximateScores(
      HostIntegerQuery query,
      HostPassages passages,
      float threshold,
      MemorySegment candidates,
      MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.approximateScores(
              tier,
              struct(arena, query),
              struct(arena, passages),
              threshold,
              candidates,
              candidates.byteSize() / Integer.BYTES,
              out));
    }
  }

  @Override
  public void integerMaxSim(
      HostIntegerQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.integerMaxSim(
              tier,
              struct(arena, query),
              struct(arena, codec),
              struct(arena, passages),
              candidates,
              candidates.byteSize() / Integer.BYTES,
              out));
    }
  }

  @Override
  public void rescore(
      HostIntegerQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.rescore(
              tier,
              struct(arena, query.query()),
              struct(arena, query),
              struct(arena, codec),
              struct(arena, passages),
              candidates,
              candidates.byteSize() / Integer.BYTES,
              out));
    }
  }

  @Override
  public long keepBest(
      MemorySegment passages,
      MemorySegment scores,
      long keep,
      MemorySegment outPassages,
      MemorySegment outScores) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      long n = scores.byteSize() / Float.BYTES;
      check(CpuFunctions.keepBest(tier, passages, scores, n, keep, outPassages, outScores, count));
      return count.get(JAVA_LONG, 0);
    }
  }

  @Override
  public void maxSim(
      HostQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.maxSim(
              tier,
              struct(arena, query),
              struct(arena, codec),
              struct(arena, passages),
              candidates,
              candidates.byteSize() / Integer.BYTES,
              out));
    }
  }

  @Override
  public void maxSimDense(
      HostQuery query, HostDense passages, MemorySegment candidates, MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment dense = arena.allocate(32, 8);
      dense.set(JAVA_LONG, 0, passages.passages());
      dense.set(ADDRESS, 8, passages.offsets());
      dense.set(ADDRESS, 16, passages.rows());
      dense.set(JAVA_INT, 24, passages.type().bytes());
      dense.set(JAVA_INT, 28, passages.dim());
      check(
          CpuFunctions.maxSimDense(
              tier,
              struct(arena, query),
              dense,
              candidates,
              candidates.byteSize() / Integer.BYTES,
              out));
    }
  }

  @Override
  public long centroidSketchBytes(int dim, long centroids) {
    return CpuFunctions.centroidSketchBytes(tier, dim, centroids);
  }

  @Override
  public void sketchCentroids(
      MemorySegment centroid, int dim, MemorySegment rows, MemorySegment sketch) {
    long rowBytes = (long) dim * Float.BYTES;
    check(
        CpuFunctions.sketchCentroids(
            tier,
            centroid,
            centroid.byteSize() / rowBytes,
            dim,
            rows,
            rows.byteSize() / rowBytes,
            sketch));
  }

  @Override
  public void nearestCentroids(
      MemorySegment rows,
      int dim,
      MemorySegment centroid,
      @Nullable MemorySegment sketch,
      MemorySegment codes) {
    check(
        CpuFunctions.nearestCentroids(
            tier,
            rows,
            codes.byteSize() / Integer.BYTES,
            dim,
            centroid,
            centroid.byteSize() / ((long) dim * Float.BYTES),
            sketch == null ? MemorySegment.NULL : sketch,
            codes));
  }

  @Override
  public void accumulateCentroids(
      MemorySegment rows, int dim, MemorySegment codes, MemorySegment sums, MemorySegment counts) {
    check(
        CpuFunctions.accumulateCentroids(
            tier,
            rows,
            codes.byteSize() / Integer.BYTES,
            dim,
            codes,
            counts.byteSize() / Long.BYTES,
            sums,
            counts));
  }

  @Override
  public void compress(
      HostCodec codec,
      MemorySegment rows,
      MemorySegment codes,
      MemorySegment residuals,
      MemorySegment factors) {
    try (Arena arena = Arena.ofConfined()) {
      check(
          CpuFunctions.compress(
              tier,
              struct(arena, codec),
              rows,
              codes.byteSize() / Integer.BYTES,
              codes,
              residuals,
              factors));
    }
  }

  @Override
  public void decompress(HostCodec codec, HostPassages passages, long first, MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      long n = out.byteSize() / ((long) codec.dim() * Float.BYTES);
      check(
          CpuFunctions.decompress(
              tier, struct(arena, codec), struct(arena, passages), first, first + n, out));
    }
  }

  private static void requireLibrary() {
    String problem = NativeLibrary.get().problem();
    if (problem == null && CpuFunctions.abiVersion() != CpuFunctions.ABI_VERSION) {
      problem =
          "the kernel library has ABI version %d, this jar needs %d"
              .formatted(CpuFunctions.abiVersion(), CpuFunctions.ABI_VERSION);
    }
    if (problem != null) {
      throw new TartanException("the cpu backend is not available: " + problem);
    }
  }

  private static MemorySegment struct(Arena arena, HostQuery query) {
    MemorySegment struct = arena.allocate(32, 8);
    struct.set(JAVA_INT, 0, query.rows());
    struct.set(JAVA_INT, 4, query.dim());
    struct.set(ADDRESS, 8, query.values());
    struct.set(ADDRESS, 16, query.scores());
    struct.set(ADDRESS, 24, query.best());
    return struct;
  }

  private static MemorySegment struct(Arena arena, HostIntegerQuery query) {
    MemorySegment struct = arena.allocate(32, 8);
    struct.set(ADDRESS, 0, query.block());
    struct.set(JAVA_LONG, 8, query.centroids());
    struct.set(ADDRESS, 16, query.scores());
    struct.set(ADDRESS, 24, query.best());
    return struct;
  }

  private static MemorySegment struct(Arena arena, HostGrid grid) {
    MemorySegment struct = arena.allocate(32, 8);
    struct.set(JAVA_LONG, 0, grid.centroids());
    struct.set(JAVA_INT, 8, grid.dim());
    struct.set(JAVA_FLOAT, 12, grid.steps());
    struct.set(JAVA_FLOAT, 16, grid.reach());
    struct.set(ADDRESS, 24, grid.values());
    return struct;
  }

  private static MemorySegment struct(Arena arena, HostCodec codec) {
    MemorySegment struct = arena.allocate(48, 8);
    struct.set(JAVA_INT, 0, codec.dim());
    struct.set(JAVA_INT, 4, codec.nbits());
    struct.set(JAVA_INT, 8, codec.form() == Form.UNIT ? UNIT : SCALED);
    struct.set(JAVA_LONG, 16, codec.centroids());
    struct.set(ADDRESS, 24, codec.centroid());
    struct.set(ADDRESS, 32, codec.cutoffs());
    struct.set(ADDRESS, 40, codec.weights());
    return struct;
  }

  private static MemorySegment struct(Arena arena, HostPassages passages) {
    MemorySegment factors = passages.factors();
    MemorySegment struct = arena.allocate(48, 8);
    struct.set(JAVA_LONG, 0, passages.passages());
    struct.set(ADDRESS, 8, passages.offsets());
    struct.set(ADDRESS, 16, passages.codes());
    struct.set(ADDRESS, 24, passages.residuals());
    struct.set(ADDRESS, 32, factors == null ? MemorySegment.NULL : factors);
    struct.set(JAVA_INT, 40, passages.codeType() == DType.U16 ? 2 : 4);
    return struct;
  }

  private static void check(int status) {
    if (status == 0) {
      return;
    }
    String text = CpuFunctions.errorText(status);
    if (status == BAD_CODE || status == BAD_PASSAGE) {
      throw new TartanException("damaged index: " + text);
    }
    throw new IllegalStateException("the CPU kernels failed: " + text);
  }
}
