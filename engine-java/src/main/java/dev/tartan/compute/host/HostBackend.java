package dev.tartan.compute.host;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.compute.Shapes;
import dev.tartan.compute.Workers;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Pool;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A backend in host memory: checks shapes, splits rows over worker threads, and lets {@link
 * HostKernels} do the numbers. Each output element is computed by one thread from its own inputs,
 * so results do not depend on the number of threads.
 */
public final class HostBackend implements Backend {
  /** Rows a task: long enough to make hand-out free, short enough to share evenly. */
  private static final int CENTROIDS_A_TASK = 2048;

  private static final int APPROXIMATE_A_TASK = 16384; // tokens, as in the next three
  private static final int INTEGER_A_TASK = 4096;
  private static final int RESCORED_A_TASK = 1024;
  private static final int MAXSIM_A_TASK = 512;
  private static final int ROWS_A_TASK = 4096;

  /** A sketch of centroids costs some hundred rows. */
  private static final int ROWS_FOR_A_SKETCH = 2048;

  /** Spare slabs and calls kept: as many as threads are likely to search at once. */
  private static final int SPARES = 64;

  private final String name;
  private final HostKernels kernels;
  private final Workers workers;
  private volatile boolean closed;
  private final Pool<Slab> slabs = new Pool<>(SPARES);
  private final Pool<StageCall> calls = new Pool<>(SPARES);
  private final StageCall.Stage candidates = (kernels, c, q, first, last) -> candidates(c, q);

  /**
   * A backend of {@code threads} threads, the caller's included.
   *
   * @throws IllegalArgumentException if {@code threads} is less than 1
   */
  public HostBackend(String name, HostKernels kernels, int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("a backend needs at least one thread, not " + threads);
    }
    this.name = name;
    this.kernels = kernels;
    this.workers = new Workers(threads);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String description() {
    return "%s, %d thread%s"
        .formatted(kernels.description(), workers.threads(), workers.threads() == 1 ? "" : "s");
  }

  @Override
  public Scope openScope() {
    return new HostScope(slab(), this::giveBack);
  }

  private Slab slab() {
    Slab spare = slabs.take();
    return spare == null ? new Slab() : spare;
  }

  private void giveBack(Slab slab) {
    slab.reset();
    if (closed || !slabs.give(slab)) {
      slab.close();
    }
  }

  private StageCall call() {
    StageCall spare = calls.take();
    return spare == null ? new StageCall(kernels) : spare;
  }

  @Override
  public int queriesAtOnce() {
    return 1;
  }

  @Override
  public void run(int tasks, IntConsumer body) {
    workers.runWhole(tasks, body);
  }

  @Override
  public void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out) {
    Shapes.centroidScores(queries, centroids, out);
    StageCall call = call();
    call.queries = queries;
    call.centroids = centroids;
    call.scores = out;
    call.run(
        workers, StageCall::centroidScores, queries.queries(), centroids.rows(), CENTROIDS_A_TASK);
    calls.give(call);
  }

  @Override
  public CentroidGrid grid(Buffer centroids, Scope scope) {
    Shapes.centroids(centroids);
    Buffer values = scope.allocate(DType.U8, centroids.rows(), centroids.columns());
    MemorySegment stepsAndReach = HostViews.segment(scope.allocate(DType.F32, 1, 2));
    kernels.quantiseCentroids(
        HostViews.segment(centroids),
        centroids.columns(),
        HostViews.segment(values),
        stepsAndReach);
    return new CentroidGrid(
        values, stepsAndReach.getAtIndex(Layouts.F32, 0), stepsAndReach.getAtIndex(Layouts.F32, 1));
  }

  @Override
  public IntegerQueries integerQueries(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope) {
    Shapes.integerScores(queries, grid, codec);
    int nbits = codec == null ? 0 : codec.nbits();
    long[] blocks = new long[queries.queries() + 1];
    for (int q = 0; q < queries.queries(); q++) {
      long bytes = kernels.integerQueryBytes(queries.rows(q), grid.dim(), nbits);
      blocks[q + 1] = blocks[q] + (bytes + 63) / 64 * 64;
    }
    return IntegerQueries.allocate(scope, queries, nbits, grid.values().rows(), blocks);
  }

  @Override
  public void integerScores(IntegerQueries out, CentroidGrid grid, @Nullable CodecTables codec) {
    Shapes.integerScores(out, grid, codec);
    StageCall call = call();
    call.queries = out.queries();
    call.integers = out;
    call.grid = grid;
    call.codec = codec;
    int batch = out.queries().queries();
    call.run(workers, (kernels, c, q, first, last) -> kernels.quantiseQuery(c, q), batch, 1, 1);
    call.run(workers, HostKernels::integerScores, batch, out.centroids(), CENTROIDS_A_TASK);
    calls.give(call);
  }

  @Override
  public void candidates(
      IntegerQueries queries,
      InvertedListTables lists,
      int nprobe,
      @Nullable Buffer allowed,
      Candidates out) {
    Shapes.candidates(queries, lists, nprobe, allowed, out);
    StageCall call = call();
    call.integers = queries;
    call.lists = lists;
    call.nprobe = nprobe;
    call.allowed = allowed;
    call.out = out;
    call.run(workers, candidates, out.queries(), 1, 1);
    calls.give(call);
  }

  private void candidates(StageCall call, int q) {
    long passages = call.lists.passageCount();
    Slab scratch = slab();
    try {
      long longs = words(passages) + (passages + 1) / 2;
      kernels.candidates(call, q, scratch.whole(longs * Long.BYTES));
    } finally {
      giveBack(scratch);
    }
  }

  @Override
  public void approximateScores(
      IntegerQueries queries, CompressedPassages passages, float threshold, Candidates candidates) {
    Shapes.approximateScores(queries, passages, candidates);
    StageCall call = call();
    call.integers = queries;
    call.passages = passages;
    call.threshold = threshold;
    call.candidates = candidates;
    call.score(workers, HostKernels::approximateScores, aTask(passages, APPROXIMATE_A_TASK));
    calls.give(call);
  }

  @Override
  public void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    StageCall call = call();
    call.integers = queries;
    call.codec = codec;
    call.passages = passages;
    call.candidates = candidates;
    call.score(
        workers,
        HostKernels::integerMaxSim,
        HostKernels::integerMaxSimPair,
        aTask(passages, INTEGER_A_TASK));
    calls.give(call);
  }

  @Override
  public void rescore(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    StageCall call = call();
    call.queries = queries.queries();
    call.integers = queries;
    call.codec = codec;
    call.passages = passages;
    call.candidates = candidates;
    call.score(workers, HostKernels::rescore, aTask(passages, RESCORED_A_TASK));
    calls.give(call);
  }

  @Override
  public void keepBest(Candidates in, long keep, Candidates out) {
    choose(in, keep, out, (kernels, call, q, first, last) -> kernels.keepBest(call, q));
  }

  @Override
  public void cut(Candidates in, long keep, Candidates out) {
    choose(in, keep, out, StageCall::cut);
  }

  private void choose(Candidates in, long keep, Candidates out, StageCall.Stage stage) {
    Shapes.keepBest(in, keep, out);
    StageCall call = call();
    call.candidates = in;
    call.keep = keep;
    call.out = out;
    call.run(workers, stage, in.queries(), 1, 1);
    calls.give(call);
  }

  @Override
  public void maxSim(
      QueryBatch queries,
      CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.maxSim(queries, scores, codec, passages, candidates);
    StageCall call = call();
    call.queries = queries;
    call.scores = scores;
    call.codec = codec;
    call.passages = passages;
    call.candidates = candidates;
    call.score(workers, StageCall::maxSim, aTask(passages, MAXSIM_A_TASK));
    calls.give(call);
  }

  @Override
  public void maxSimDense(QueryBatch queries, DensePassages passages, Candidates candidates) {
    Shapes.maxSimDense(queries, passages, candidates);
    StageCall call = call();
    call.queries = queries;
    call.dense = passages;
    call.candidates = candidates;
    long tokens = passages.rows().rows() / Math.max(1, passages.passages());
    call.score(workers, HostKernels::maxSimDense, MAXSIM_A_TASK / Math.max(1, tokens));
    calls.give(call);
  }

  @Override
  public void nearestCentroids(Buffer rows, Buffer centroids, Buffer codes) {
    Shapes.codes(rows, centroids, codes);
    try (Scope scope = openScope()) {
      MemorySegment sketch = sketch(rows, centroids, scope);
      splitRows(
          rows,
          (first, count) ->
              kernels.nearestCentroids(
                  HostViews.segment(rows.slice(first, count)),
                  rows.columns(),
                  HostViews.segment(centroids),
                  sketch,
                  HostViews.segment(codes.slice(first, count))));
    }
  }

  /** A sketch of the centroids where it pays; else null. */
  private @Nullable MemorySegment sketch(Buffer rows, Buffer centroids, Scope scope) {
    long bytes = kernels.centroidSketchBytes(rows.columns(), centroids.rows());
    if (bytes == 0 || rows.rows() < ROWS_FOR_A_SKETCH) {
      return null;
    }
    MemorySegment sketch = HostViews.segment(scope.allocate(DType.U8, bytes, 1));
    kernels.sketchCentroids(
        HostViews.segment(centroids), rows.columns(), HostViews.segment(rows), sketch);
    return sketch;
  }

  @Override
  public void accumulateCentroids(Buffer rows, Buffer codes, Buffer sums, Buffer counts) {
    Shapes.accumulate(rows, codes, sums, counts);
    kernels.accumulateCentroids(
        HostViews.segment(rows),
        rows.columns(),
        HostViews.segment(codes),
        HostViews.segment(sums),
        HostViews.segment(counts));
  }

  @Override
  public void compress(
      Buffer rows, Buffer codes, CodecTables codec, Buffer residuals, Buffer factors) {
    Shapes.compress(rows, codes, codec, residuals, factors);
    HostKernels.HostCodec tables = HostViews.codec(codec);
    splitRows(
        rows,
        (first, count) ->
            kernels.compress(
                tables,
                HostViews.segment(rows.slice(first, count)),
                HostViews.segment(codes.slice(first, count)),
                HostViews.segment(residuals.slice(first, count)),
                HostViews.segment(factors.slice(first, count))));
  }

  @Override
  public void decompress(
      CodecTables codec, CompressedPassages passages, long firstToken, Buffer out) {
    Shapes.codec(codec, passages);
    Shapes.decompress(codec, passages, firstToken, out);
    HostKernels.HostCodec tables = HostViews.codec(codec);
    HostKernels.HostPassages host = HostViews.passages(passages);
    splitRows(
        out,
        (first, count) ->
            kernels.decompress(
                tables, host, firstToken + first, HostViews.segment(out.slice(first, count))));
  }

  @Override
  public void close() {
    closed = true;
    workers.close();
    for (Slab slab = slabs.take(); slab != null; slab = slabs.take()) {
      slab.close();
    }
  }

  private interface RowRange {
    void accept(long first, long count);
  }

  /** Passages a task of about {@code tokens} tokens. */
  private static int aTask(CompressedPassages passages, int tokens) {
    long each = passages.codes().rows() / Math.max(1, passages.passages());
    return (int) Math.max(1, tokens / Math.max(1, each));
  }

  private void splitRows(Buffer rows, RowRange range) {
    int tasks = Math.toIntExact((rows.rows() + ROWS_A_TASK - 1) / ROWS_A_TASK);
    workers.run(
        tasks,
        task -> {
          long first = (long) task * ROWS_A_TASK;
          range.accept(first, Math.min(ROWS_A_TASK, rows.rows() - first));
        });
  }

  private static long words(long passages) {
    return Math.max(1, (passages + 63) / 64);
  }
}
