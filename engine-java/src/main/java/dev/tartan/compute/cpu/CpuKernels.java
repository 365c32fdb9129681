package dev.tartan.compute.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.host.HostKernels;
import dev.tartan.compute.host.HostViews;
import dev.tartan.compute.host.StageCall;
import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
  public void quantiseQuery(StageCall call, int q) {
    Structs structs = Structs.take();
    structs.query(call.queries(), q).grid(call.grid());
    CodecTables codec = call.codec();
    MemorySegment tables = codec == null ? MemorySegment.NULL : structs.codec(codec).codec;
    MemorySegment block = Structs.block(call.integers(), q);
    int status = CpuFunctions.quantiseQuery(tier, structs.query, structs.grid, tables, block);
    structs.giveBack();
    check(status);
  }

  @Override
  public void integerScores(StageCall call, int q, long first, long last) {
    Structs structs = Structs.take();
    structs.integers(call.integers(), q).grid(call.grid());
    int status =
        CpuFunctions.integerScores(
            tier,
            structs.integers,
            structs.grid,
            first,
            last,
            Structs.scores(call.integers(), q),
            Structs.best(call.integers(), q));
    structs.giveBack();
    check(status);
  }

  @Override
  public void candidates(StageCall call, int q, MemorySegment scratch) {
    Structs structs = Structs.take();
    structs.integers(call.integers(), q);
    Candidates out = call.out();
    Buffer allowed = call.allowed();
    int status =
        CpuFunctions.candidates(
            tier,
            structs.integers,
            call.nprobe(),
            HostViews.segment(call.lists().offsets()),
            HostViews.segment(call.lists().passages()),
            call.lists().passageCount(),
            allowed == null ? MemorySegment.NULL : HostViews.segment(allowed),
            scratch,
            Structs.passages(out, q, 0),
            Structs.scores(out, q, 0),
            out.capacity(),
            structs.count);
    long count = structs.count();
    structs.giveBack();
    check(status);
    out.setCount(q, count);
  }

  @Override
  public void approximateScores(StageCall call, int q, long first, long last) {
    Structs structs = Structs.take();
    structs.integers(call.integers(), q).passages(call.passages());
    int status =
        CpuFunctions.approximateScores(
            tier,
            structs.integers,
            structs.passages,
            call.threshold(),
            Structs.passages(call.candidates(), q, first),
            last - first,
            Structs.scores(call.candidates(), q, first));
    structs.giveBack();
    check(status);
  }

  @Override
  public void integerMaxSim(StageCall call, int q, long first, long last) {
    Structs structs = Structs.take();
    structs.integers(call.integers(), q).codec(codec(call)).passages(call.passages());
    int status =
        CpuFunctions.integerMaxSim(
            tier,
            structs.integers,
            structs.codec,
            structs.passages,
            Structs.passages(call.candidates(), q, first),
            last - first,
            Structs.scores(call.candidates(), q, first));
    structs.giveBack();
    check(status);
  }

  @Override
  public void integerMaxSimPair(StageCall call, int q, int other, long first, long last) {
    Structs structs = Structs.take();
    Structs second = Structs.take();
    structs.integers(call.integers(), q).codec(codec(call)).passages(call.passages());
    second.integers(call.integers(), other);
    int status =
        CpuFunctions.integerMaxSimPair(
            tier,
            structs.integers,
            second.integers,
            structs.codec,
            structs.passages,
            Structs.passages(call.candidates(), q, first),
            last - first,
            Structs.scores(call.candidates(), q, first),
            Structs.scores(call.candidates(), other, first));
    second.giveBack();
    structs.giveBack();
    check(status);
  }

  @Override
  public void rescore(StageCall call, int q, long first, long last) {
    Structs structs = Structs.take();
    structs.query(call.queries(), q).integers(call.integers(), q);
    structs.codec(codec(call)).passages(call.passages());
    int status =
        CpuFunctions.rescore(
            tier,
            structs.query,
            structs.integers,
            structs.codec,
            structs.passages,
            Structs.passages(call.candidates(), q, first),
            last - first,
            Structs.scores(call.candidates(), q, first));
    structs.giveBack();
    check(status);
  }

  private static CodecTables codec(StageCall call) {
    return Objects.requireNonNull(call.codec());
  }

  @Override
  public void keepBest(StageCall call, int q) {
    choose(call, q, false);
  }

  @Override
  public void cut(StageCall call, int q) {
    choose(call, q, true);
  }

  private void choose(StageCall call, int q, boolean inOrder) {
    Structs structs = Structs.take();
    Candidates in = call.candidates();
    MemorySegment passages = Structs.passages(in, q, 0);
    MemorySegment scores = Structs.scores(in, q, 0);
    MemorySegment best = Structs.passages(call.out(), q, 0);
    MemorySegment bestScores = Structs.scores(call.out(), q, 0);
    long n = in.count(q);
    long keep = Math.min(call.keep(), n);
    int status =
        inOrder
            ? CpuFunctions.cut(tier, passages, scores, n, keep, best, bestScores, structs.count)
            : CpuFunctions.keepBest(
                tier, passages, scores, n, keep, best, bestScores, structs.count);
    long count = structs.count();
    structs.giveBack();
    check(status);
    call.out().setCount(q, count);
  }

  @Override
  public void maxSimDense(StageCall call, int q, long first, long last) {
    Structs structs = Structs.take();
    structs.query(call.queries(), q).dense(call.dense());
    int status =
        CpuFunctions.maxSimDense(
            tier,
            structs.query,
            structs.dense,
            Structs.passages(call.candidates(), q, first),
            last - first,
            Structs.scores(call.candidates(), q, first));
    structs.giveBack();
    check(status);
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

  private static MemorySegment struct(Arena arena, HostCodec codec) {
    MemorySegment struct = arena.allocate(48, 8);
    struct.set(JAVA_INT, 0, codec.dim());
    struct.set(JAVA_INT, 4, codec.nbits());
    struct.set(JAVA_INT, 8, form(codec.form()));
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

  static int form(Form form) {
    return form == Form.UNIT ? UNIT : SCALED;
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
