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
import dev.tartan.compute.host.HostKernels.HostCodec;
import dev.tartan.compute.host.HostKernels.HostDense;
import dev.tartan.compute.host.HostKernels.HostGrid;
import dev.tartan.compute.host.HostKernels.HostIntegerQuery;
import dev.tartan.compute.host.HostKernels.HostLists;
import dev.tartan.compute.host.HostKernels.HostPassages;
import dev.tartan.compute.host.HostKernels.HostQuery;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The memory behind buffers, in the form that kernels take. */
final class HostViews {
  private HostViews() {}

  static MemorySegment segment(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host.segment();
    }
    throw new IllegalArgumentException("the buffer belongs to another backend");
  }

  static HostQuery[] queries(QueryBatch batch, @Nullable CentroidScores scores) {
    HostQuery[] views = new HostQuery[batch.queries()];
    int dim = batch.rows().columns();
    for (int q = 0; q < views.length; q++) {
      int first = batch.offsets()[q];
      int rows = batch.rows(q);
      MemorySegment values = segment(batch.rows().slice(first, rows));
      if (scores == null) {
        views[q] = new HostQuery(rows, dim, values, MemorySegment.NULL, MemorySegment.NULL);
      } else {
        long centroids = scores.best().columns();
        views[q] =
            new HostQuery(
                rows,
                dim,
                values,
                segment(scores.scores().slice(centroids * first, centroids * rows)),
                segment(scores.best().slice(q, 1)));
      }
    }
    return views;
  }

  static HostGrid grid(CentroidGrid grid) {
    return new HostGrid(
        grid.dim(), grid.values().rows(), grid.steps(), grid.reach(), segment(grid.values()));
  }

  static HostIntegerQuery[] queries(IntegerQueries batch) {
    HostQuery[] plain = queries(batch.queries(), null);
    HostIntegerQuery[] views = new HostIntegerQuery[plain.length];
    for (int q = 0; q < views.length; q++) {
      long block = batch.blockOffsets()[q];
      long lanes = batch.lanesOf(q);
      views[q] =
          new HostIntegerQuery(
              plain[q],
              (int) lanes,
              segment(batch.blocks().slice(block, batch.blockOffsets()[q + 1] - block)),
              segment(
                  batch
                      .scores()
                      .slice(
                          batch.centroids() * batch.laneOffsets()[q], batch.centroids() * lanes)),
              segment(batch.best().slice(q, 1)));
    }
    return views;
  }

  static HostCodec codec(CodecTables codec) {
    return new HostCodec(
        codec.form(),
        codec.dim(),
        codec.nbits(),
        codec.centroids().rows(),
        segment(codec.centroids()),
        segment(codec.cutoffs()),
        segment(codec.weights()));
  }

  static HostPassages passages(CompressedPassages passages) {
    Buffer factors = passages.factors();
    return new HostPassages(
        passages.passages(),
        segment(passages.offsets()),
        passages.codes().dtype(),
        segment(passages.codes()),
        segment(passages.residuals()),
        factors == null ? null : segment(factors));
  }

  static HostDense dense(DensePassages passages) {
    return new HostDense(
        passages.passages(),
        passages.rows().columns(),
        segment(passages.offsets()),
        passages.rows().dtype(),
        segment(passages.rows()));
  }

  static HostLists lists(InvertedListTables lists) {
    return new HostLists(
        lists.offsets().rows() - 1,
        lists.passageCount(),
        segment(lists.offsets()),
        segment(lists.passages()));
  }

  /** Whether all queries have the same candidates, as in exhaustive scoring and in reranking. */
  static boolean sameForAll(Candidates candidates) {
    long count = candidates.count(0);
    MemorySegment first = segment(candidates.passages().slice(0, count));
    for (int q = 1; q < candidates.queries(); q++) {
      Buffer each = candidates.passages().slice(q * candidates.capacity(), candidates.count(q));
      if (segment(each).mismatch(first) >= 0) {
        return false;
      }
    }
    return true;
  }
}
