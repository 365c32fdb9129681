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
  private final Scope scope;
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

  Workspace(Snapshot snapshot, Shard shard, StageClock clock, int queries) {
    this.shard = shard;
    this.scope = shard.backend.openScope();
    this.plaid = new PlaidSearch(shard, shard.segments, clock, scope);
    this.rankings = new Ranking[queries];
    Arrays.setAll(rankings, q -> new Ranking(snapshot.segments()));
  }

  /** One for each shard. */
  static List<Workspace> open(
      Snapshot snapshot, List<Shard> shards, StageClock clock, int queries) {
    List<Workspace> all = new ArrayList<>(shards.size());
    try {
      for (Shard shard : shards) {
        all.add(new Workspace(snapshot, shard, clock, queries));
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
              plaid.integerQueries(QueryBatch.room(scope, lanes, query.dim()), scope),
              shard.rotation == null ? null : shard.rotation.room(lanes));
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
    taken = plaid.integerQueries(new QueryBatch(rows, offsets), scope);
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
   * Ranks the passages of the shard's segments by what was taken.
   *
   * @param selection what may be found; null for all that lives
   * @param wanted passages to keep, if there are as many
   */
  void rank(SearchSettings settings, @Nullable Selection selection, long wanted) {
    IntegerQueries queries = integers();
    for (Ranking ranking : rankings) {
      ranking.clear();
    }
    long selected = selection == null ? -1 : selected(selection);
    long passages = selection == null ? shard.passages : selected;
    if (passages == 0) {
      return;
    }
    long keep = Math.min(passages, wanted);
    if (!settings.exhaustive() || shard.compressed) {
      prepare();
    }
    plaid.select(selection);
    if (settings.exhaustive() || keep == passages) {
      plaid.exhaustive(queries, keep);
    } else {
      plaid.search(queries, settings, keep, selected);
    }
    for (int s = 0; s < plaid.segments.size(); s++) {
      SegmentSearch segment = plaid.segments.get(s);
      Candidates best = segment.best(keep);
      for (int q = 0; q < rankings.length; q++) {
        rankings[q].add(segment.tables.number(), best, q);
      }
    }
    for (Ranking ranking : rankings) {
      ranking.cut(keep, passages);
    }
  }

  private long selected(Selection selection) {
    long selected = 0;
    for (int s = 0; s < shard.segments.size(); s++) {
      selected += selection.passages(shard.segments.get(s).number());
    }
    return selected;
  }

  private MemorySegment values(Matrix query) {
    return shard.rotation == null
        ? query.data()
        : shard.rotation.room(Math.toIntExact(query.rows())).rotate(query);
  }

  @Override
  public void close() {
    scope.close();
  }
}
