package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import dev.tartan.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of one launch and the next, in the words of {@code Backend}: the structures of
 * arguments.cuh, field after field. Arrays of the host go along in the stream's table.
 */
final class CudaCall {
  private static final int UNIT = 0;
  private static final int SCALED = 1;

  /** What the table holds for a query at most: offsets of three kinds, counts in and out. */
  private static final long TABLE_BYTES_A_QUERY = 5 * Long.BYTES;

  private static final long TABLE_BYTES = 1024;

  private final CudaScope scope;
  private final CudaStream stream;
  private final CudaArguments arguments;
  private long[] counts = new long[1];

  CudaCall(CudaScope scope, CudaStream stream) {
    this.scope = scope;
    this.stream = stream;
    this.arguments = stream.arguments;
  }

  CudaCall begin(int queries) {
    stream.begin(TABLE_BYTES + queries * TABLE_BYTES_A_QUERY);
    return this;
  }

  /** An address or an int64. */
  CudaCall number(long value) {
    arguments.number(value);
    return this;
  }

  CudaCall integer(int value) {
    arguments.integer(value);
    return this;
  }

  CudaCall real(float value) {
    arguments.real(value);
    return this;
  }

  /** A place in the stream's table that the kernel writes to. */
  CudaCall output(long place) {
    return number(stream.address(place));
  }

  CudaCall status() {
    return number(stream.status());
  }

  /** The address of a buffer, or 0 for null. */
  CudaCall buffer(@Nullable Buffer buffer) {
    return number(buffer == null ? 0 : address(buffer));
  }

  private long address(Buffer buffer) {
    CudaBuffer own = scope.backend().own(buffer);
    own.scope().readBy(scope);
    return own.address();
  }

  /** {@code Queries}. */
  CudaCall queries(QueryBatch queries) {
    int n = queries.queries();
    return buffer(queries.rows())
        .number(stream.put(queries.offsets(), n + 1))
        .integer(n)
        .integer(queries.rows().columns());
  }

  /** The row offsets of a batch alone. */
  CudaCall offsets(QueryBatch queries) {
    return number(stream.put(queries.offsets(), queries.queries() + 1));
  }

  /** {@code Codec} of no bits. */
  CudaCall noCodec(int dim) {
    return number(0).number(0).number(0).number(0).integer(dim).integer(0).integer(0).integer(0);
  }

  /** {@code Codec}. */
  CudaCall codec(CodecTables codec) {
    return buffer(codec.centroids())
        .buffer(codec.cutoffs())
        .buffer(codec.weights())
        .number(codec.centroids().rows())
        .integer(codec.dim())
        .integer(codec.nbits())
        .integer(codec.form() == Form.UNIT ? UNIT : SCALED)
        .integer(0);
  }

  /** {@code Passages}. */
  CudaCall passages(CompressedPassages passages) {
    return buffer(passages.offsets())
        .buffer(passages.codes())
        .buffer(passages.residuals())
        .buffer(passages.factors())
        .number(passages.passages())
        .integer(passages.codes().dtype() == DType.U16 ? 2 : 4)
        .integer(0);
  }

  CudaCall noPassages() {
    return number(0).number(0).number(0).number(0).number(0).integer(0).integer(0);
  }

  /** {@code Dense}. */
  CudaCall dense(DensePassages passages) {
    return buffer(passages.offsets())
        .buffer(passages.rows())
        .number(passages.passages())
        .integer(passages.rows().dtype().bytes())
        .integer(passages.rows().columns());
  }

  CudaCall noDense() {
    return number(0).number(0).number(0).integer(0).integer(0);
  }

  /** {@code Candidates}. */
  CudaCall candidates(Candidates candidates) {
    return buffer(candidates.passages())
        .buffer(candidates.scores())
        .number(counts(candidates))
        .number(candidates.capacity());
  }

  /** {@code Candidates} of one query. */
  CudaCall candidates(long passages, long scores, int count) {
    counts[0] = count;
    return number(passages).number(scores).number(stream.put(counts, 1)).number(count);
  }

  private long counts(Candidates candidates) {
    if (counts.length < candidates.queries()) {
      counts = new long[candidates.queries()];
    }
    for (int q = 0; q < candidates.queries(); q++) {
      counts[q] = candidates.count(q);
    }
    return stream.put(counts, candidates.queries());
  }

  /** {@code Integers}. */
  CudaCall integers(IntegerQueries queries) {
    int n = queries.queries().queries();
    return buffer(queries.blocks())
        .number(stream.put(queries.blockOffsets(), n + 1))
        .buffer(queries.scores())
        .buffer(queries.best())
        .number(stream.put(queries.laneOffsets(), n + 1))
        .number(queries.centroids());
  }

  /** Launches {@code kernel} on what was written, which stays for a launch more. */
  CudaCall launch(Kernel kernel, long blocks, int rows) {
    return launch(kernel, blocks, rows, 0);
  }

  /** The same with dynamic shared memory. */
  CudaCall launch(Kernel kernel, long blocks, int rows, int sharedBytes) {
    stream.launch(kernel, blocks, rows, sharedBytes);
    return this;
  }
}
