package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The PLAID pipeline (2205.09707, section 4) for one batch of queries over one segment, and the
 * next. A passage's final score is the same whichever way it was reached. What a search returns is
 * overwritten by the next; memory is that of the largest so far.
 */
final class PlaidSearch {
  /** Passages rescored in float beyond those kept: integers may rank neighbours the other way. */
  private static final int MARGIN = 8;

  private static final int LEAST_MARGIN = 8;

  /**
   * Float scores take their own integers first: up to so many times the passages that are rescored,
   * choosing these by integers alone would take longer than to rescore all.
   */
  private static final int DIRECT = 2;

  private final Backend backend;
  private final CodecTables codec;
  private final CentroidGrid grid;
  private final boolean compressed;
  private final StageClock clock;
  private final Scope scope;
  private final @Nullable Candidates[] rooms = new Candidates[2];

  PlaidSearch(
      Backend backend,
      CodecTables codec,
      CentroidGrid grid,
      boolean compressed,
      StageClock clock,
      Scope scope) {
    this.backend = backend;
    this.codec = codec;
    this.grid = grid;
    this.compressed = compressed;
    this.clock = clock;
    this.scope = scope;
  }

  /** Room for the queries in integers. */
  IntegerQueries integerQueries(QueryBatch queries) {
    return backend.integerQueries(queries, grid, compressed ? codec : null, scope);
  }

  /** Fills {@code queries}, which {@link #search} then searches for. */
  void integerScores(IntegerQueries queries) {
    long start = System.nanoTime();
    backend.integerScores(queries, grid, compressed ? codec : null);
    clock.charge(Stage.CENTROID_SCORES, start);
  }

  /**
   * The {@code keep} best passages by exact score, best first, of those that {@code settings} lead
   * to.
   */
  Candidates search(
      IntegerQueries queries, SegmentTables segment, SearchSettings settings, long keep) {
    long start = System.nanoTime();
    long scored = Math.max(settings.scored(), keep);
    Candidates found = listed(queries, segment, settings.nprobe());
    found = cut(found, Math.max(settings.ndocs(), scored));
    start = clock.charge(Stage.CANDIDATES, start);
    if (found.largest() > scored) {
      backend.approximateScores(queries, segment.compressed(), settings.threshold(), found);
      found = cut(found, scored);
      clock.charge(Stage.APPROXIMATE, start);
    }
    return exact(queries, segment, found, keep);
  }

  /** The {@code keep} best of {@code found} by exact score. */
  private Candidates exact(
      IntegerQueries queries, SegmentTables segment, Candidates found, long keep) {
    long start = System.nanoTime();
    if (segment.dense() != null) {
      backend.maxSimDense(queries.queries(), segment.dense(), found);
    } else {
      if (!direct(found.largest(), keep)) {
        backend.integerMaxSim(queries, codec, segment.compressed(), found);
        found = cut(found, rescored(keep));
        start = clock.charge(Stage.MAXSIM, start);
      }
      backend.rescore(queries, codec, segment.compressed(), found);
    }
    Candidates best = best(found, keep);
    clock.charge(Stage.RESCORE, start);
    return best;
  }

  /** Passages to score in float that {@code keep} may come of. */
  static long rescored(long keep) {
    return keep + keep / MARGIN + LEAST_MARGIN;
  }

  /** Whether {@code scored} passages are all scored in float to keep {@code keep} of them. */
  static boolean direct(long scored, long keep) {
    return scored <= DIRECT * rescored(keep);
  }

  /** The {@code keep} best of each query that has more, their passages still ascending. */
  private Candidates cut(Candidates found, long keep) {
    if (found.largest() <= keep) {
      return found;
    }
    Candidates best = room(found.queries(), Math.min(keep, found.largest()), found);
    backend.cut(found, keep, best);
    return best;
  }

  /** The passages in the lists that are probed, scored by what these tell. */
  Candidates listed(IntegerQueries queries, SegmentTables segment, int nprobe) {
    Candidates found = room(queries.queries().queries(), segment.segment().passages(), null);
    backend.candidates(queries, segment.lists(), nprobe, null, found);
    return found;
  }

  /** All passages, by number, with their approximate scores. */
  Candidates approximate(IntegerQueries queries, SegmentTables segment) {
    Candidates all = all(queries.queries().queries(), segment.segment().passages());
    backend.approximateScores(queries, segment.compressed(), Float.NEGATIVE_INFINITY, all);
    return all;
  }

  /** The {@code keep} best of all passages as a search finds them: chosen by integers. */
  Candidates exact(IntegerQueries queries, SegmentTables segment, long keep) {
    Candidates all = all(queries.queries().queries(), segment.segment().passages());
    return exact(queries, segment, all, keep);
  }

  /**
   * The {@code keep} best of all passages, each scored in float.
   *
   * @param integers filled, unless the embeddings are not compressed
   */
  Candidates exhaustive(IntegerQueries integers, SegmentTables segment, long keep) {
    QueryBatch queries = integers.queries();
    Candidates all = all(queries.queries(), segment.segment().passages());
    long start = System.nanoTime();
    if (segment.dense() != null) {
      backend.maxSimDense(queries, segment.dense(), all);
    } else {
      try (Scope scratch = backend.openScope()) {
        CentroidScores scores =
            CentroidScores.allocate(scratch, queries, Math.toIntExact(codec.centroids().rows()));
        backend.centroidScores(queries, codec.centroids(), scores);
        backend.maxSim(queries, scores, codec, segment.compressed(), all);
      }
      all = cut(all, rescored(keep));
      backend.rescore(integers, codec, segment.compressed(), all); // the same bits as from a search
    }
    Candidates best = best(all, keep);
    clock.charge(Stage.MAXSIM, start);
    return best;
  }

  private Candidates all(int queries, int passages) {
    Candidates all = room(queries, passages, null);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers = arena.allocate((long) passages * Integer.BYTES, 4);
      for (int p = 0; p < passages; p++) {
        numbers.setAtIndex(Layouts.I32, p, p);
      }
      for (int q = 0; q < queries; q++) {
        all.passages().slice(q * all.capacity(), passages).copyFrom(numbers);
        all.setCount(q, passages);
      }
    }
    return all;
  }

  /**
   * The {@code keep} best by their scores, best first. They live in other memory than {@code
   * candidates}, until the stage after the next.
   */
  Candidates best(Candidates candidates, long keep) {
    Candidates best = room(candidates.queries(), Math.min(keep, candidates.largest()), candidates);
    backend.keepBest(candidates, keep, best);
    return best;
  }

  /** Room for candidates: one of two that take turns, so that searches reuse their memory. */
  private Candidates room(int queries, long capacity, @Nullable Candidates besides) {
    int turn = rooms[0] != null && rooms[0] == besides ? 1 : 0;
    Candidates room = rooms[turn];
    if (room == null || room.queries() != queries || room.capacity() < capacity) {
      // twice what is needed, so that memory grown out of is no more than memory in use
      room = Candidates.allocate(scope, queries, room == null ? capacity : 2 * capacity);
      rooms[turn] = room;
    }
    return room;
  }

  /** Scratch a query needs at most, in bytes: decides how many queries make a batch. */
  static long bytes(long centroids, int rows, long passages) {
    return centroids * (IntegerQueries.lanes(rows) + 1) * DType.U16.bytes() + passages * 17;
  }
}
