package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The PLAID pipeline (2205.09707, section 4) for one batch of queries over the segments of a shard,
 * and the next. Candidates are cut over all segments, so that settings mean the same however many
 * there are. A passage's final score is the same whichever way it was reached. What a search finds
 * is overwritten by the next. Confined to one thread.
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

  /** Where a selection leaves too few candidates, so many times the probes are made. */
  private static final int MORE_PROBES = 2;

  /** Too few is less than this part of those that are scored approximately. */
  private static final int ENOUGH = 4;

  private final Backend backend;
  private final CodecTables codec;
  private final CentroidGrid grid;
  private final boolean compressed;
  private final StageClock clock;
  private final SharedCut shared = new SharedCut();
  final List<SegmentSearch> segments = new ArrayList<>();

  /**
   * @param tables the segments of the shard that are searched
   */
  PlaidSearch(Shard shard, List<SegmentTables> tables, StageClock clock, Scope scope) {
    this.backend = shard.backend;
    this.codec = shard.codec;
    this.grid = shard.grid;
    this.compressed = shard.compressed;
    this.clock = clock;
    tables.forEach(segment -> segments.add(new SegmentSearch(segment, backend, scope)));
  }

  /** Room for the queries in integers. */
  IntegerQueries integerQueries(QueryBatch queries, Scope scope) {
    return backend.integerQueries(queries, grid, compressed ? codec : null, scope);
  }

  /** Fills {@code queries}, which {@link #search} then searches for. */
  void integerScores(IntegerQueries queries) {
    long start = System.nanoTime();
    backend.integerScores(queries, grid, compressed ? codec : null);
    clock.charge(Stage.CENTROID_SCORES, start);
  }

  /** The searches to come find only what is selected; null for all that lives. */
  void select(@Nullable Selection selection) {
    for (int s = 0; s < segments.size(); s++) {
      segments.get(s).select(selection);
    }
  }

  /**
   * Finds the {@code keep} best passages by exact score of those that {@code settings} lead to;
   * {@link SegmentSearch#best} then tells them.
   *
   * @param selected how many passages are selected; -1 for all that live
   */
  void search(IntegerQueries queries, SearchSettings settings, long keep, long selected) {
    long start = System.nanoTime();
    long scored = Math.max(settings.scored(), keep);
    long ndocs = Math.max(settings.ndocs(), scored);
    if (selected >= 0 && settings.scans(selected)) {
      all(queries.queries().queries());
    } else {
      int nprobe = settings.nprobe();
      list(queries, nprobe, ndocs);
      // documents of a kind may be far from the query: then their lists are not the best ones
      long enough = Math.min(selected, Math.max(scored, ndocs / ENOUGH));
      while (nprobe < queries.centroids() && SharedCut.largest(segments) < enough) {
        nprobe = (int) Math.min(queries.centroids(), (long) MORE_PROBES * nprobe);
        list(queries, nprobe, ndocs);
      }
    }
    start = clock.charge(Stage.CANDIDATES, start);
    if (SharedCut.largest(segments) > scored) {
      for (int s = 0; s < segments.size(); s++) {
        SegmentSearch segment = segments.get(s);
        backend.approximateScores(
            queries, segment.tables.compressed(), settings.threshold(), segment.found());
      }
      shared.cut(segments, scored);
      clock.charge(Stage.APPROXIMATE, start);
    }
    exact(queries, keep);
  }

  private void list(IntegerQueries queries, int nprobe, long ndocs) {
    for (int s = 0; s < segments.size(); s++) {
      segments.get(s).list(queries, nprobe);
    }
    shared.cut(segments, ndocs);
  }

  /** Considers all passages that may be found. */
  void all(int queries) {
    for (int s = 0; s < segments.size(); s++) {
      segments.get(s).all(queries);
    }
  }

  /** Scores what is under consideration exactly, so that its {@code keep} best can be told. */
  void exact(IntegerQueries queries, long keep) {
    long start = System.nanoTime();
    boolean direct = direct(SharedCut.largest(segments), keep);
    if (compressed && !direct) {
      for (int s = 0; s < segments.size(); s++) {
        SegmentSearch segment = segments.get(s);
        backend.integerMaxSim(queries, codec, segment.tables.compressed(), segment.found());
      }
      shared.cut(segments, rescored(keep));
      start = clock.charge(Stage.MAXSIM, start);
    }
    for (int s = 0; s < segments.size(); s++) {
      SegmentSearch segment = segments.get(s);
      if (segment.tables.dense() != null) {
        backend.maxSimDense(queries.queries(), segment.tables.dense(), segment.found());
      } else {
        backend.rescore(queries, codec, segment.tables.compressed(), segment.found());
      }
    }
    clock.charge(Stage.RESCORE, start);
  }

  /** Passages to score in float that {@code keep} may come of. */
  static long rescored(long keep) {
    return keep + keep / MARGIN + LEAST_MARGIN;
  }

  /** Whether {@code scored} passages are all scored in float to keep {@code keep} of them. */
  static boolean direct(long scored, long keep) {
    return scored <= DIRECT * rescored(keep);
  }

  /**
   * Scores all passages that may be found in float, so that their {@code keep} best can be told.
   *
   * @param integers filled, unless the embeddings are not compressed
   */
  void exhaustive(IntegerQueries integers, long keep) {
    QueryBatch queries = integers.queries();
    long start = System.nanoTime();
    all(queries.queries());
    if (!compressed) {
      exact(integers, keep);
      return;
    }
    try (Scope scratch = backend.openScope()) {
      CentroidScores scores =
          CentroidScores.allocate(scratch, queries, Math.toIntExact(codec.centroids().rows()));
      backend.centroidScores(queries, codec.centroids(), scores);
      for (int s = 0; s < segments.size(); s++) {
        SegmentSearch segment = segments.get(s);
        backend.maxSim(queries, scores, codec, segment.tables.compressed(), segment.found());
      }
    }
    shared.cut(segments, rescored(keep));
    for (int s = 0; s < segments.size(); s++) {
      SegmentSearch segment = segments.get(s);
      // the same bits as from a search
      backend.rescore(integers, codec, segment.tables.compressed(), segment.found());
    }
    clock.charge(Stage.MAXSIM, start);
  }

  /** Scratch a query needs at most, in bytes: decides how many queries make a batch. */
  static long bytes(long centroids, int rows, long passages) {
    return centroids * (IntegerQueries.lanes(rows) + 1) * DType.U16.bytes() + passages * 17;
  }
}
