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
import dev.tartan.compute.host.HostKernels.HostDense;
import dev.tartan.compute.host.HostKernels.HostIntegerQuery;
import dev.tartan.compute.host.HostKernels.HostLists;
import dev.tartan.compute.host.HostKernels.HostQuery;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A backend in host memory: checks shapes, splits rows over worker threads, and lets {@link
 * HostKernels} do the numbers. Each output element is computed by one thread from its own inputs,
 * so results do not depend on the number of threads.
 */
public final class HostBackend implements Backend {
  /** Rows or passages a task: long enough to make hand-out free, short enough to share evenly. */
  private static final int CENTROIDS_A_TASK = 2048;

  private static final int APPROXIMATE_A_TASK = 512;
  private static final int INTEGER_A_TASK = 128;
  private static final int MAXSIM_A_TASK = 32;
  private static final int ROWS_A_TASK = 4096;

  /** Passages that fit a share of L3, for queries that score the same ones. */
  private static final int TOGETHER_A_TASK = 1024;

  /** A sketch of centroids costs some hundred rows. */
  private static final int ROWS_FOR_A_SKETCH = 2048;

  private final String name;
  private final HostKernels kernels;
  private final Workers workers;
  private final ConcurrentLinkedQueue<Slab> pool = new ConcurrentLinkedQueue<>();
  private final List<Arena> arenas = new CopyOnWriteArrayList<>();

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
    Slab slab = pool.poll();
    if (slab == null) {
      Arena arena = Arena.ofShared();
      arenas.add(arena);
      slab = new Slab(arena);
    }
    return new HostScope(slab, pool::add);
  }

  @Override
  public void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out) {
    Shapes.centroidScores(queries, centroids, out);
    HostQuery[] each = HostViews.queries(queries, out);
    split(
        queries.queries(),
        q -> centroids.rows(),
        CENTROIDS_A_TASK,
        (q, first, last) ->
            kernels.centroidScores(each[q], HostViews.segment(centroids), first, last));
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
  public IntegerQueries integerScores(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope) {
    Shapes.integerScores(queries, grid, codec);
    int nbits = codec == null ? 0 : codec.nbits();
    long[] blocks = new long[queries.queries() + 1];
    for (int q = 0; q < queries.queries(); q++) {
      long bytes = kernels.integerQueryBytes(queries.rows(q), grid.dim(), nbits);
      blocks[q + 1] = blocks[q] + (bytes + 63) / 64 * 64;
    }
    IntegerQueries out =
        IntegerQueries.allocate(scope, queries, nbits, grid.values().rows(), blocks);
    HostIntegerQuery[] each = HostViews.queries(out);
    HostKernels.HostGrid host = HostViews.grid(grid);
    HostKernels.HostCodec tables = codec == null ? null : HostViews.codec(codec);
    workers.run(
        each.length, q -> kernels.quantiseQuery(each[q].query(), host, tables, each[q].block()));
    split(
        each.length,
        q -> host.centroids(),
        CENTROIDS_A_TASK,
        (q, first, last) -> kernels.integerScores(each[q], host, first, last));
    return out;
  }

  @Override
  public void candidates(
      IntegerQueries queries, InvertedListTables lists, int nprobe, Candidates out) {
    Shapes.candidates(queries, lists, nprobe, out);
    HostIntegerQuery[] each = HostViews.queries(queries);
    HostLists host = HostViews.lists(lists);
    long longs = words(lists.passageCount()) + (lists.passageCount() + 1) / 2;
    try (Scope scope = openScope()) {
      Buffer scratch = scope.allocate(DType.I64, each.length * longs, 1);
      workers.run(
          each.length,
          q -> {
            MemorySegment found = HostViews.segment(scratch.slice(q * longs, longs));
            MemorySegment passages = entries(out.passages(), out, q, out.capacity());
            MemorySegment scores = entries(out.scores(), out, q, out.capacity());
            out.setCount(q, kernels.candidates(each[q], host, nprobe, found, passages, scores));
          });
    }
  }

  @Override
  public void approximateScores(
      IntegerQueries queries, CompressedPassages passages, float threshold, Candidates candidates) {
    Shapes.approximateScores(queries, passages, candidates);
    HostIntegerQuery[] each = HostViews.queries(queries);
    HostKernels.HostPassages host = HostViews.passages(passages);
    score(
        candidates,
        APPROXIMATE_A_TASK,
        (q, in, out) -> kernels.approximateScores(each[q], host, threshold, in, out));
  }

  @Override
  public void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    HostIntegerQuery[] each = HostViews.queries(queries);
    HostKernels.HostCodec tables = HostViews.codec(codec);
    HostKernels.HostPassages host = HostViews.passages(passages);
    score(
        candidates,
        INTEGER_A_TASK,
        (q, in, out) -> kernels.integerMaxSim(each[q], tables, host, in, out));
  }

  @Override
  public void rescore(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.integerMaxSim(queries, codec, passages, candidates);
    HostIntegerQuery[] each = HostViews.queries(queries);
    HostKernels.HostCodec tables = HostViews.codec(codec);
    HostKernels.HostPassages host = HostViews.passages(passages);
    score(
        candidates, MAXSIM_A_TASK, (q, in, out) -> kernels.rescore(each[q], tables, host, in, out));
  }

  @Override
  public void keepBest(Candidates in, long keep, Candidates out) {
    Shapes.keepBest(in, keep, out);
    workers.run(
        in.queries(),
        q -> {
          MemorySegment passages = entries(in.passages(), in, q, in.count(q));
          MemorySegment scores = entries(in.scores(), in, q, in.count(q));
          long room = Math.min(keep, in.count(q));
          MemorySegment outPassages = entries(out.passages(), out, q, room);
          MemorySegment outScores = entries(out.scores(), out, q, room);
          out.setCount(q, kernels.keepBest(passages, scores, room, outPassages, outScores));
        });
  }

  @Override
  public void maxSim(
      QueryBatch queries,
      CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    Shapes.maxSim(queries, scores, codec, passages, candidates);
    HostQuery[] each = HostViews.queries(queries, scores);
    HostKernels.HostCodec tables = HostViews.codec(codec);
    HostKernels.HostPassages host = HostViews.passages(passages);
    score(
        candidates, MAXSIM_A_TASK, (q, in, out) -> kernels.maxSim(each[q], tables, host, in, out));
  }

  @Override
  public void maxSimDense(QueryBatch queries, DensePassages passages, Candidates candidates) {
    Shapes.maxSimDense(queries, passages, candidates);
    HostQuery[] each = HostViews.queries(queries, null);
    HostDense host = HostViews.dense(passages);
    score(candidates, MAXSIM_A_TASK, (q, in, out) -> kernels.maxSimDense(each[q], host, in, out));
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
    workers.close();
    arenas.forEach(Arena::close);
    arenas.clear();
    pool.clear();
  }

  private interface Ranges {
    void accept(int query, long first, long last);
  }

  private interface RowRange {
    void accept(long first, long count);
  }

  private interface Scoring {
    void accept(int query, MemorySegment candidates, MemorySegment out);
  }

  private interface Sizes {
    long of(int query);
  }

  /**
   * Scores every candidate of every query, a range of them a task. Where all queries have the same
   * candidates, a range meets all queries while its tokens are in cache.
   */
  private void score(Candidates candidates, int aTask, Scoring scoring) {
    if (candidates.queries() < 2 || !HostViews.sameForAll(candidates)) {
      split(
          candidates.queries(),
          candidates::count,
          aTask,
          (q, first, last) -> score(candidates, q, first, last, scoring));
      return;
    }
    long share = candidates.count(0) / (4L * workers.threads());
    split(
        1,
        q -> candidates.count(0),
        Math.clamp(share, aTask, Math.max(aTask, TOGETHER_A_TASK)),
        (one, first, last) -> {
          for (int q = 0; q < candidates.queries(); q++) {
            score(candidates, q, first, last, scoring);
          }
        });
  }

  private static void score(
      Candidates candidates, int query, long first, long last, Scoring scoring) {
    long start = query * candidates.capacity() + first;
    scoring.accept(
        query,
        HostViews.segment(candidates.passages().slice(start, last - first)),
        HostViews.segment(candidates.scores().slice(start, last - first)));
  }

  private void splitRows(Buffer rows, RowRange range) {
    split(1, q -> rows.rows(), ROWS_A_TASK, (q, first, last) -> range.accept(first, last - first));
  }

  /** Cuts the items of every query into tasks of {@code aTask} and runs them on the workers. */
  private void split(int queries, Sizes sizes, int aTask, Ranges ranges) {
    int[] firstTask = new int[queries + 1];
    for (int q = 0; q < queries; q++) {
      firstTask[q + 1] =
          Math.addExact(firstTask[q], Math.toIntExact((sizes.of(q) + aTask - 1) / aTask));
    }
    workers.run(
        firstTask[queries],
        task -> {
          int q = Workers.ownerOf(firstTask, task);
          long first = (long) (task - firstTask[q]) * aTask;
          ranges.accept(q, first, Math.min(first + aTask, sizes.of(q)));
        });
  }

  private static MemorySegment entries(
      Buffer buffer, Candidates candidates, int query, long count) {
    return HostViews.segment(buffer.slice(query * candidates.capacity(), count));
  }

  private static long words(long passages) {
    return Math.max(1, (passages + 63) / 64);
  }
}
