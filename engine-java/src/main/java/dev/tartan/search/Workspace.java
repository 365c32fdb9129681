package dev.tartan.search;

import dev.tartan.codec.QueryRotation;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one search at a time in one shard. One that has searched for single queries is kept
 * for the next, which then allocates nothing.
 */
final class Workspace implements AutoCloseable {
  private final Shard shard;
  private final boolean compressed;
  private final Scope scope;
  private final @Nullable QueryRotation rotation;
  final PlaidSearch plaid;

  /** One for each query. */
  final Ranking[] rankings;

  /** A query in integers for each number of lanes that was met, by multiples of the least. */
  private final @Nullable Single[] singles =
      new Single[IntegerQueries.lanes(QueryBatch.MAX_ROWS) / IntegerQueries.LANES + 1];

  /** Room for one query; {@code rotated} is null where queries are not rotated. */
  private record Single(IntegerQueries integers, QueryRotation.@Nullable Room rotated) {
    void replace(Matrix query) {
      MemorySegment values = rotated == null ? query.data() : rotated.rotate(query);
      integers.queries().replace(values, Math.toIntExact(query.rows()));
    }
  }

  /** The queries that were taken last. */
  private @Nullable IntegerQueries taken;

  Workspace(
      Snapshot snapshot,
      Shard shard,
      @Nullable QueryRotation rotation,
      StageClock clock,
      int queries) {
    this.shard = shard;
    this.compressed = snapshot.codec().compressed();
    this.rotation = rotation;
    this.scope = shard.backend.openScope();
    this.plaid = new PlaidSearch(shard.backend, shard.codec, shard.grid, compressed, clock, scope);
    this.rankings = new Ranking[queries];
    Arrays.setAll(rankings, q -> new Ranking(snapshot.segments()));
  }

  /** One for each shard. */
  static List<Workspace> open(
      Snapshot snapshot,
      List<Shard> shards,
      @Nullable QueryRotation rotation,
      StageClock clock,
      int queries) {
    List<Workspace> all = new ArrayList<>(shards.size());
    try {
      for (Shard shard : shards) {
        all.add(new Workspace(snapshot, shard, rotation, clock, queries));
      }
    } catch (RuntimeException e) {
      all.forEach(Workspace::close);
      throw e;
    }
    return all;
  }

  /** Takes a query to be searched for. */
  void take(Matrix query) {
    int lanes = IntegerQueries.lanes(Math.toIntExact(query.rows()));
    Single single = singles[lanes / IntegerQueries.LANES];
    if (single == null) {
      single =
          new Single(
              plaid.integerQueries(QueryBatch.room(scope, lanes, query.dim())),
              rotation == null ? null : rotation.room(lanes));
      singles[lanes / IntegerQueries.LANES] = single;
    }
    single.replace(query);
    taken = single.integers;
  }

  /** The same for as many queries as there are rankings; their memory is not used again. */
  void take(List<Matrix> queries) {
    int[] offsets = new int[queries.size() + 1];
    for (int q = 0; q < queries.size(); q++) {
      offsets[q + 1] = offsets[q] + (int) queries.get(q).rows();
    }
    Buffer rows = scope.allocate(DType.F32, offsets[queries.size()], queries.getFirst().dim());
    for (int q = 0; q < queries.size(); q++) {
      rows.slice(offsets[q], offsets[q + 1] - offsets[q]).copyFrom(values(queries.get(q)));
    }
    taken = plaid.integerQueries(new QueryBatch(rows, offsets));
  }

  /** What was taken. */
  IntegerQueries integers() {
    return Objects.requireNonNull(taken, "no query was taken");
  }

  /** Fills {@link #integers}. */
  void prepare() {
    plaid.integerScores(integers());
  }

  /**
   * Ranks the passages of the shard's segments by what was taken; {@code factor} times as many as
   * {@code k} asks for.
   */
  void rank(SearchSettings settings, int k, int factor) {
    IntegerQueries queries = integers();
    if (!settings.exhaustive() || compressed) {
      prepare();
    }
    for (Ranking ranking : rankings) {
      ranking.clear();
    }
    for (int s = 0; s < shard.segments.size(); s++) {
      SegmentTables segment = shard.segments.get(s);
      long passages = segment.segment().passages();
      long keep = Math.min(passages, factor * Searcher.keep(segment.segment(), k));
      Candidates best =
          settings.exhaustive() || keep == passages
              ? plaid.exhaustive(queries, segment, keep)
              : plaid.search(queries, segment, settings, keep);
      for (int q = 0; q < rankings.length; q++) {
        boolean cut = best.count(q) == keep && keep < passages;
        rankings[q].add(segment.number(), best, q, cut);
      }
    }
  }

  private MemorySegment values(Matrix query) {
    return rotation == null
        ? query.data()
        : rotation.room(Math.toIntExact(query.rows())).rotate(query);
  }

  @Override
  public void close() {
    scope.close();
  }
}
