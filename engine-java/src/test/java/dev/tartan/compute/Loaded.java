package dev.tartan.compute;

import dev.tartan.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** A {@link ContractCase} in the memory of one backend, and its operations as heap arrays. */
final class Loaded implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  final ContractCase data;
  final Backend backend;
  final Scope scope;
  final QueryBatch queries;
  final CodecTables codec;
  final CompressedPassages passages;
  final InvertedListTables lists;

  /** All queries of the case, or one alone. */
  Loaded(ContractCase data, Backend backend, int... only) {
    this.data = data;
    this.backend = backend;
    this.scope = backend.openScope();
    int dim = data.shape.dim();
    this.queries =
        only.length == 0
            ? new QueryBatch(f32(data.queries, dim), data.queryOffsets)
            : new QueryBatch(
                f32(data.queryRows(only[0]), dim), new int[] {0, data.shape.queryRows()[only[0]]});
    this.codec =
        new CodecTables(
            data.form,
            data.shape.nbits(),
            f32(data.centroids, dim),
            f32(data.cutoffs, 1),
            f32(data.weights, 1));
    short[] factors = data.factors == null ? inverseNorms(data) : data.factors;
    this.passages =
        new CompressedPassages(
            i64(data.offsets),
            data.codeType == DType.I32 ? i32(data.codes) : u16(data.codes),
            wrap(DType.U8, codec.residualBytes(), MemorySegment.ofArray(data.residuals)),
            wrap(DType.U16, 1, MemorySegment.ofArray(factors)));
    this.lists =
        new InvertedListTables(i64(data.listOffsets), i32(data.lists), data.shape.passages());
  }

  Buffer f32(float[] values, int columns) {
    return wrap(DType.F32, columns, MemorySegment.ofArray(values));
  }

  Buffer i32(int[] values) {
    return wrap(DType.I32, 1, MemorySegment.ofArray(values));
  }

  Buffer i64(long[] values) {
    return wrap(DType.I64, 1, MemorySegment.ofArray(values));
  }

  private Buffer u16(int[] values) {
    short[] narrow = new short[values.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (short) values[i];
    }
    return wrap(DType.U16, 1, MemorySegment.ofArray(narrow));
  }

  Buffer f16(float[] values, int columns) {
    short[] halves = new short[values.length];
    for (int i = 0; i < halves.length; i++) {
      halves[i] = Float.floatToFloat16(values[i]);
    }
    return wrap(DType.F16, columns, MemorySegment.ofArray(halves));
  }

  /** An exact copy in native memory, so that a kernel that reads beyond it reads foreign bytes. */
  private Buffer wrap(DType dtype, int columns, MemorySegment heap) {
    MemorySegment copy = arena.allocate(heap.byteSize(), 64);
    copy.copyFrom(heap);
    return scope.wrap(dtype, columns, copy);
  }

  CentroidScores centroidScores() {
    CentroidScores out = CentroidScores.allocate(scope, queries, (int) codec.centroids().rows());
    backend.centroidScores(queries, codec.centroids(), out);
    return out;
  }

  IntegerQueries integers() {
    return backend.integerScores(queries, backend.grid(codec.centroids(), scope), codec, scope);
  }

  Candidates candidates(IntegerQueries integers) {
    return candidates(integers, null);
  }

  /** The candidates that {@code allowed} has a bit for; null for all. */
  Candidates candidates(IntegerQueries integers, long @Nullable [] allowed) {
    Candidates out = Candidates.allocate(scope, queries.queries(), data.shape.passages());
    backend.candidates(integers, lists, data.nprobe, allowed == null ? null : i64(allowed), out);
    return out;
  }

  /** What a segment of the unit form stores with each token. */
  private static short[] inverseNorms(ContractCase data) {
    int dim = data.shape.dim();
    int nbits = data.shape.nbits();
    short[] norms = new short[data.codes.length];
    for (int t = 0; t < norms.length; t++) {
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        int bucket = 0;
        for (int b = 0; b < nbits; b++) {
          int bit = (t * dim + d) * nbits + b;
          bucket |= (data.residuals[bit / 8] >> (bit % 8) & 1) << b;
        }
        double value = data.centroids[data.codes[t] * dim + d] + (double) data.weights[bucket];
        squares += value * value;
      }
      norms[t] = Float.floatToFloat16((float) (1 / Math.sqrt(squares)));
    }
    return norms;
  }

  /** One set of passages a query, with scores if there are any. */
  Candidates given(int[][] passages, float[][] scores) {
    int capacity = 1;
    for (int[] each : passages) {
      capacity = Math.max(capacity, each.length);
    }
    Candidates all = Candidates.allocate(scope, passages.length, capacity);
    for (int q = 0; q < passages.length; q++) {
      long first = q * all.capacity();
      int n = passages[q].length;
      all.passages().slice(first, n).copyFrom(MemorySegment.ofArray(passages[q]));
      if (scores.length > 0) {
        all.scores().slice(first, n).copyFrom(MemorySegment.ofArray(scores[q]));
      }
      all.setCount(q, n);
    }
    return all;
  }

  DensePassages dense(boolean half) {
    int dim = data.shape.dim();
    return new DensePassages(
        passages.offsets(), half ? f16(data.dense, dim) : f32(data.dense, dim));
  }

  static int[] passages(Candidates candidates, int query) {
    return ints(
        candidates.passages().slice(query * candidates.capacity(), candidates.count(query)));
  }

  static float[] scores(Candidates candidates, int query) {
    return floats(
        candidates.scores().slice(query * candidates.capacity(), candidates.count(query)));
  }

  static int[] ints(Buffer buffer) {
    return bytes(buffer).toArray(ValueLayout.JAVA_INT);
  }

  static long[] longs(Buffer buffer) {
    return bytes(buffer).toArray(ValueLayout.JAVA_LONG);
  }

  static float[] floats(Buffer buffer) {
    return bytes(buffer).toArray(ValueLayout.JAVA_FLOAT);
  }

  static MemorySegment bytes(Buffer buffer) {
    MemorySegment copy = MemorySegment.ofArray(new long[(int) ((buffer.bytes() + 7) / 8)]);
    MemorySegment exact = copy.asSlice(0, buffer.bytes());
    buffer.copyTo(exact);
    return exact;
  }

  @Override
  public void close() {
    scope.close();
    arena.close();
  }
}
