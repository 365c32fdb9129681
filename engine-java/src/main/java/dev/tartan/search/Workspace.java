package dev.tartan.search;

import dev.tartan.codec.QueryRotation;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one search at a time. One that has searched for single queries is kept for the
 * next, which then allocates nothing.
 */
final class Workspace implements AutoCloseable {
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

  Workspace(Scope scope, @Nullable QueryRotation rotation, PlaidSearch plaid, Ranking[] rankings) {
    this.scope = scope;
    this.rotation = rotation;
    this.plaid = plaid;
    this.rankings = rankings;
  }

  /** Room for one query in integers, which holds its rows already. */
  IntegerQueries query(Matrix query) {
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
    return single.integers;
  }

  /** The same for many queries; its memory is not used again. */
  IntegerQueries queries(List<Matrix> queries) {
    int[] offsets = new int[queries.size() + 1];
    for (int q = 0; q < queries.size(); q++) {
      offsets[q + 1] = offsets[q] + (int) queries.get(q).rows();
    }
    Buffer rows = scope.allocate(DType.F32, offsets[queries.size()], queries.getFirst().dim());
    for (int q = 0; q < queries.size(); q++) {
      rows.slice(offsets[q], offsets[q + 1] - offsets[q]).copyFrom(values(queries.get(q)));
    }
    return plaid.integerQueries(new QueryBatch(rows, offsets));
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
