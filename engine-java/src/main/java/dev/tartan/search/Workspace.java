package dev.tartan.search;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one search at a time. One that has searched for single queries is kept for the
 * next, which then allocates nothing.
 */
final class Workspace implements AutoCloseable {
  private final Scope scope;
  final PlaidSearch plaid;

  /** One for each query. */
  final Ranking[] rankings;

  /** A query in integers for each number of lanes that was met, by multiples of the least. */
  private final @Nullable IntegerQueries[] single =
      new IntegerQueries[IntegerQueries.lanes(QueryBatch.MAX_ROWS) / IntegerQueries.LANES + 1];

  Workspace(Scope scope, PlaidSearch plaid, Ranking[] rankings) {
    this.scope = scope;
    this.plaid = plaid;
    this.rankings = rankings;
  }

  /** Room for one query in integers, which holds its rows already. */
  IntegerQueries query(Matrix query) {
    int lanes = IntegerQueries.lanes(Math.toIntExact(query.rows()));
    IntegerQueries room = single[lanes / IntegerQueries.LANES];
    if (room == null) {
      room = plaid.integerQueries(QueryBatch.room(scope, lanes, query.dim()));
      single[lanes / IntegerQueries.LANES] = room;
    }
    room.queries().replace(query);
    return room;
  }

  /** The same for many queries; its memory is not used again. */
  IntegerQueries queries(List<Matrix> queries) {
    int[] offsets = new int[queries.size() + 1];
    for (int q = 0; q < queries.size(); q++) {
      offsets[q + 1] = offsets[q] + (int) queries.get(q).rows();
    }
    Buffer rows = scope.allocate(DType.F32, offsets[queries.size()], queries.getFirst().dim());
    for (int q = 0; q < queries.size(); q++) {
      rows.slice(offsets[q], offsets[q + 1] - offsets[q]).copyFrom(queries.get(q).data());
    }
    return plaid.integerQueries(new QueryBatch(rows, offsets));
  }

  @Override
  public void close() {
    scope.close();
  }
}
