package dev.tartan.compute.host;

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
import dev.tartan.compute.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of one stage of a search and how its rows are cut into tasks. Used again and again,
 * by one caller at a time, so that a search makes no objects; a stage sets what it reads.
 */
@SuppressWarnings("NullAway.Init") // each stage reads only what it has set
public final class StageCall implements IntConsumer {
  /** A stage on the items [first, last) of query {@code q}: centroids, or candidates. */
  interface Stage {
    void run(HostKernels kernels, StageCall call, int q, long first, long last);
  }

  /** A stage on the items [first, last) that two short queries have in common. */
  interface PairStage {
    void run(HostKernels kernels, StageCall call, int q, int other, long first, long last);
  }

  /** Passages that fit a share of L3, for queries that score the same ones. */
  private static final int MOST_TOGETHER = 1024;

  private final Workers.Job job = new Workers.Job();
  private final HostKernels kernels;
  private Stage stage;
  private @Nullable PairStage ofTwo;
  private long aTask;
  private int[] firstTask = new int[2];
  private long[] items = new long[1];
  private int owners;
  private boolean together;

  QueryBatch queries;
  CentroidScores scores;
  Buffer centroids;
  IntegerQueries integers;
  CentroidGrid grid;
  @Nullable CodecTables codec;
  CompressedPassages passages;
  DensePassages dense;
  InvertedListTables lists;
  Candidates candidates;
  Candidates out;
  @Nullable Buffer allowed;
  float threshold;
  int nprobe;
  long keep;

  StageCall(HostKernels kernels) {
    this.kernels = kernels;
  }

  public QueryBatch queries() {
    return queries;
  }

  public IntegerQueries integers() {
    return integers;
  }

  public CentroidGrid grid() {
    return grid;
  }

  /** Null only where {@link HostKernels#quantiseQuery} is to make no look-up tables. */
  public @Nullable CodecTables codec() {
    return codec;
  }

  public CompressedPassages passages() {
    return passages;
  }

  public DensePassages dense() {
    return dense;
  }

  public InvertedListTables lists() {
    return lists;
  }

  /** What is scored, or what {@link HostKernels#keepBest} chooses from. */
  public Candidates candidates() {
    return candidates;
  }

  /** Where {@link HostKernels#candidates} and {@link HostKernels#keepBest} write. */
  public Candidates out() {
    return out;
  }

  public float threshold() {
    return threshold;
  }

  public int nprobe() {
    return nprobe;
  }

  /** A bit for each passage that may be a candidate; null where all may. */
  public @Nullable Buffer allowed() {
    return allowed;
  }

  public long keep() {
    return keep;
  }

  /** Runs the stage on {@code count} items of each query, {@code most} a task. */
  void run(Workers workers, Stage work, int batch, long count, long most) {
    together = false;
    start(work, batch, most);
    for (int q = 0; q < batch; q++) {
      items[q] = count;
    }
    run(workers, batch);
  }

  /** Runs the stage on the candidates of each query, {@code most} a task. */
  void score(Workers workers, Stage work, long most) {
    score(workers, work, null, most);
  }

  /**
   * Runs the stage on the candidates of each query, {@code most} a task. Where all queries have the
   * same candidates, a task meets all queries while its tokens are in cache.
   *
   * @param forTwo meets two short queries at once; null if there is nothing better than one by one
   */
  void score(Workers workers, Stage work, @Nullable PairStage forTwo, long most) {
    ofTwo = forTwo;
    together = candidates.queries() > 1 && HostViews.sameForAll(candidates);
    if (together) {
      long share = candidates.count(0) / (4L * workers.threads());
      start(work, 1, Math.clamp(share, most, Math.max(most, MOST_TOGETHER)));
      items[0] = candidates.count(0);
      run(workers, 1);
      return;
    }
    start(work, candidates.queries(), most);
    for (int q = 0; q < candidates.queries(); q++) {
      items[q] = candidates.count(q);
    }
    run(workers, candidates.queries());
  }

  static void centroidScores(HostKernels kernels, StageCall call, int q, long first, long last) {
    kernels.centroidScores(
        HostViews.query(call.queries, q, call.scores),
        HostViews.segment(call.centroids),
        first,
        last);
  }

  static void maxSim(HostKernels kernels, StageCall call, int q, long first, long last) {
    Candidates all = call.candidates;
    kernels.maxSim(
        HostViews.query(call.queries, q, call.scores),
        HostViews.codec(Objects.requireNonNull(call.codec)),
        HostViews.passages(call.passages),
        HostViews.entries(all.passages(), all, q, first, last),
        HostViews.entries(all.scores(), all, q, first, last));
  }

  /** {@link HostKernels#cut}, or a copy where there is nothing to cut. */
  static void cut(HostKernels kernels, StageCall call, int q, long first, long last) {
    Candidates in = call.candidates;
    Candidates out = call.out;
    long n = in.count(q);
    if (n > call.keep) {
      kernels.cut(call, q);
      return;
    }
    long from = q * in.capacity() * Integer.BYTES; // passages and scores both take four bytes
    long to = q * out.capacity() * Integer.BYTES;
    copy(in.passages(), from, out.passages(), to, n * Integer.BYTES);
    copy(in.scores(), from, out.scores(), to, n * Integer.BYTES);
    out.setCount(q, n);
  }

  private static void copy(Buffer from, long at, Buffer to, long place, long bytes) {
    MemorySegment.copy(HostViews.segment(from), at, HostViews.segment(to), place, bytes);
  }

  private void start(Stage work, int batch, long most) {
    stage = work;
    aTask = Math.max(1, most);
    if (items.length < batch) {
      items = new long[batch];
      firstTask = new int[batch + 1];
    }
  }

  private void run(Workers workers, int batch) {
    owners = batch;
    for (int q = 0; q < batch; q++) {
      int tasks = Math.toIntExact((items[q] + aTask - 1) / aTask);
      firstTask[q + 1] = Math.addExact(firstTask[q], tasks);
    }
    workers.run(job, firstTask[batch], this);
  }

  @Override
  public void accept(int task) {
    int q = Workers.ownerOf(firstTask, owners, task);
    long first = (task - firstTask[q]) * aTask;
    long last = Math.min(first + aTask, items[q]);
    if (together) {
      allQueries(first, last);
    } else {
      stage.run(kernels, this, q, first, last);
    }
  }

  private void allQueries(long first, long last) {
    int waiting = -1; // a short query without another
    for (int q = 0; q < candidates.queries(); q++) {
      if (ofTwo == null || integers.queries().rows(q) > HostKernels.ROWS_OF_A_PAIR) {
        stage.run(kernels, this, q, first, last);
      } else if (waiting < 0) {
        waiting = q;
      } else {
        ofTwo.run(kernels, this, waiting, q, first, last);
        waiting = -1;
      }
    }
    if (waiting >= 0) {
      stage.run(kernels, this, waiting, first, last);
    }
  }
}
