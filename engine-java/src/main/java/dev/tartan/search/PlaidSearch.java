package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The PLAID pipeline (2205.09707, section 4) for one batch of queries over one segment. A passage's
 * final score is the same whichever way it was reached.
 */
final class PlaidSearch {
  /** The share of ndocs that is scored exactly, as published. */
  private static final int EXACT_SHARE = 4;

  private final Backend backend;
  private final CodecTables codec;
  private final StageClock clock;
  private final Scope scope;

  PlaidSearch(Backend backend, CodecTables codec, StageClock clock, Scope scope) {
    this.backend = backend;
    this.codec = codec;
    this.clock = clock;
    this.scope = scope;
  }

  CentroidScores centroidScores(QueryBatch queries) {
    long start = System.nanoTime();
    CentroidScores scores =
        CentroidScores.allocate(scope, queries, Math.toIntExact(codec.centroids().rows()));
    backend.centroidScores(queries, codec.centroids(), scores);
    clock.charge(Stage.CENTROID_SCORES, start);
    return scores;
  }

  /**
   * The {@code keep} best passages by exact score, best first, of those that {@code settings} lead
   * to.
   */
  Candidates search(
      QueryBatch queries,
      CentroidScores scores,
      SegmentTables segment,
      SearchSettings settings,
      long keep) {
    long start = System.nanoTime();
    Candidates found = Candidates.allocate(scope, queries.queries(), segment.segment().passages());
    backend.candidates(queries, scores, segment.lists(), settings.nprobe(), found);
    start = clock.charge(Stage.CANDIDATES, start);
    if (found.largest() > settings.ndocs()) {
      backend.approximateScores(queries, scores, segment.compressed(), settings.threshold(), found);
      found = unpruned(found, best(found, settings.ndocs()), settings.ndocs());
      start = clock.charge(Stage.PRUNED, start);
    }
    long exact = Math.max(settings.ndocs() / EXACT_SHARE, keep);
    if (found.largest() > exact) {
      backend.approximateScores(
          queries, scores, segment.compressed(), Float.NEGATIVE_INFINITY, found);
      found = best(found, exact);
      clock.charge(Stage.APPROXIMATE, start);
    }
    return exact(queries, scores, segment, found, keep);
  }

  /**
   * Gives the queries of the batch that had no more than {@code ndocs} candidates all of them back:
   * alone they would not have been pruned.
   */
  private static Candidates unpruned(Candidates found, Candidates best, int ndocs) {
    for (int q = 0; q < found.queries(); q++) {
      long n = found.count(q);
      if (n <= ndocs) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment numbers = arena.allocate(n * Integer.BYTES, 4);
          found.passages().slice(q * found.capacity(), n).copyTo(numbers);
          best.passages().slice(q * best.capacity(), n).copyFrom(numbers);
          best.setCount(q, n);
        }
      }
    }
    return best;
  }

  /** The {@code keep} best of all passages. */
  Candidates exhaustive(
      QueryBatch queries, CentroidScores scores, SegmentTables segment, long keep) {
    int passages = segment.segment().passages();
    Candidates all = Candidates.allocate(scope, queries.queries(), passages);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers = arena.allocate((long) passages * Integer.BYTES, 4);
      for (int p = 0; p < passages; p++) {
        numbers.setAtIndex(Layouts.I32, p, p);
      }
      for (int q = 0; q < queries.queries(); q++) {
        all.passages().slice(q * all.capacity(), passages).copyFrom(numbers);
        all.setCount(q, passages);
      }
    }
    return exact(queries, scores, segment, all, keep);
  }

  private Candidates exact(
      QueryBatch queries,
      CentroidScores scores,
      SegmentTables segment,
      Candidates candidates,
      long keep) {
    long start = System.nanoTime();
    if (segment.dense() != null) {
      backend.maxSimDense(queries, segment.dense(), candidates);
    } else {
      backend.maxSim(queries, scores, codec, segment.compressed(), candidates);
    }
    Candidates best = best(candidates, keep);
    clock.charge(Stage.MAXSIM, start);
    return best;
  }

  private Candidates best(Candidates candidates, long keep) {
    Candidates best =
        Candidates.allocate(scope, candidates.queries(), Math.min(keep, candidates.largest()));
    backend.keepBest(candidates, keep, best);
    return best;
  }

  /** Scratch a query needs at most, in bytes: decides how many queries make a batch. */
  static long bytes(long centroids, int rows, long passages) {
    return centroids * (rows + 1) * DType.F32.bytes() + passages * 17;
  }
}
