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
public final class HostViews {
  private HostViews() {}

  /**
   * The memory of a buffer.
   *
   * @throws IllegalArgumentException if the buffer is not of a host backend
   */
  public static MemorySegment segment(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host.segment();
    }
    throw new IllegalArgumentException("the buffer belongs to another backend");
  }

  /** One query; with its centroid scores unless they are null. */
  public static HostQuery query(QueryBatch batch, int q, @Nullable CentroidScores scores) {
    int first = batch.offsets()[q];
    int rows = batch.rows(q);
    MemorySegment none = MemorySegment.NULL;
    long centroids = scores == null ? 0 : scores.best().columns();
    return new HostQuery(
        rows,
        batch.rows().columns(),
        segment(batch.rows().slice(first, rows)),
        scores == null ? none : segment(scores.scores().slice(centroids * first, centroids * rows)),
        scores == null ? none : segment(scores.best().slice(q, 1)));
  }

  public static HostGrid grid(CentroidGrid grid) {
    return new HostGrid(
        grid.dim(), grid.values().rows(), grid.steps(), grid.reach(), segment(grid.values()));
  }

  /** One query in integers. */
  public static HostIntegerQuery query(IntegerQueries batch, int q) {
    long block = batch.blockOffsets()[q];
    long lanes = batch.lanesOf(q);
    long centroids = batch.centroids();
    return new HostIntegerQuery(
        query(batch.queries(), q, null),
        (int) lanes,
        segment(batch.blocks().slice(block, batch.blockOffsets()[q + 1] - block)),
        segment(batch.scores().slice(centroids * batch.laneOffsets()[q], centroids * lanes)),
        segment(batch.best().slice(q, 1)));
  }

  /** Passage numbers or scores: the entries [first, last) of query {@code q}. */
  public static MemorySegment entries(
      Buffer buffer, Candidates candidates, int q, long first, long last) {
    return segment(buffer.slice(q * candidates.capacity() + first, last - first));
  }

  public static HostCodec codec(CodecTables codec) {
    return new HostCodec(
        codec.form(),
        codec.dim(),
        codec.nbits(),
        codec.centroids().rows(),
        segment(codec.centroids()),
        segment(codec.cutoffs()),
        segment(codec.weights()));
  }

  public static HostPassages passages(CompressedPassages passages) {
    Buffer factors = passages.factors();
    return new HostPassages(
        passages.passages(),
        segment(passages.offsets()),
        passages.codes().dtype(),
        segment(passages.codes()),
        segment(passages.residuals()),
        factors == null ? null : segment(factors));
  }

  public static HostDense dense(DensePassages passages) {
    return new HostDense(
        passages.passages(),
        passages.rows().columns(),
        segment(passages.offsets()),
        passages.rows().dtype(),
        segment(passages.rows()));
  }

  public static HostLists lists(InvertedListTables lists) {
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
