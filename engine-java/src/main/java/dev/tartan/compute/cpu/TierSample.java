package dev.tartan.compute.cpu;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;
import static dev.tartan.memory.Layouts.I64;
import static dev.tartan.memory.Layouts.U16;
import static dev.tartan.memory.Layouts.U8;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.compute.host.HostBackend;
import dev.tartan.compute.host.HostKernels;
import dev.tartan.compute.host.HostKernels.HostCodec;
import dev.tartan.compute.host.HostKernels.HostPassages;
import dev.tartan.compute.host.HostKernels.HostQuery;
import dev.tartan.memory.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.SplittableRandom;

/** A seeded query, codec and segment of a few passages, and what kernels make of them. */
final class TierSample {
  static final int CENTROIDS = 24;
  static final int PASSAGES = 5;
  static final int TOKENS_A_PASSAGE = 9;
  private static final int TOKENS = PASSAGES * TOKENS_A_PASSAGE;

  final Arena arena;
  final int dim;
  final int rows;
  final HostCodec codec;
  final HostPassages passages;
  final MemorySegment values;
  final MemorySegment candidates;
  final CodecTables tables;
  final CompressedPassages compressed;
  final DensePassages dense;
  final InvertedListTables lists;
  private final QueryBatch query;
  private final QueryBatch halves;
  private final SplittableRandom random;

  /** One stage of a search; returns where its result stands. */
  interface Stage {
    Buffer run(Backend backend, IntegerQueries queries, Candidates candidates);
  }

  static final Stage INTEGER_SCORES = (backend, queries, candidates) -> queries.scores();

  /**
   * @param scope of a host backend; what it wraps lives in {@code arena}
   */
  TierSample(Arena arena, Scope scope, int dim, int nbits, int rows, Form form) {
    this.arena = arena;
    this.dim = dim;
    this.rows = rows;
    this.random = new SplittableRandom(31L * dim + nbits);
    this.values = unitRows(rows);
    MemorySegment tokens = unitRows(TOKENS);
    this.codec = codec(nbits, form);
    this.passages = passages(nbits);
    this.candidates = arena.allocate(I32, PASSAGES);
    for (int p = 0; p < PASSAGES; p++) {
      candidates.setAtIndex(I32, p, p);
    }
    this.query = new QueryBatch(floats(scope, dim, values), new int[] {0, rows});
    this.halves = new QueryBatch(query.rows(), new int[] {0, rows / 2, rows});
    this.tables =
        new CodecTables(
            form,
            nbits,
            floats(scope, dim, codec.centroid()),
            floats(scope, 1, codec.cutoffs()),
            floats(scope, 1, codec.weights()));
    Buffer offsets = scope.wrap(DType.I64, 1, passages.offsets());
    this.compressed =
        new CompressedPassages(
            offsets,
            scope.wrap(DType.U16, 1, passages.codes()),
            scope.wrap(DType.U8, codec.residualBytes(), passages.residuals()),
            scope.wrap(DType.U16, 1, Objects.requireNonNull(passages.factors())));
    this.dense = new DensePassages(offsets, floats(scope, dim, tokens));
    this.lists = lists(scope);
  }

  private MemorySegment unitRows(int n) {
    MemorySegment out = arena.allocate(F32, (long) n * dim);
    for (int i = 0; i < n; i++) {
      double squares = 0;
      double[] row = new double[dim];
      for (int d = 0; d < dim; d++) {
        row[d] = random.nextDouble(-1, 1);
        squares += row[d] * row[d];
      }
      for (int d = 0; d < dim; d++) {
        out.setAtIndex(F32, (long) i * dim + d, (float) (row[d] / Math.sqrt(squares)));
      }
    }
    return out;
  }

  private HostCodec codec(int nbits, Form form) {
    int n = 1 << nbits;
    float step = 1 / (float) Math.sqrt(dim) / n;
    MemorySegment weights = arena.allocate(F32, n);
    MemorySegment cutoffs = arena.allocate(F32, n - 1L);
    for (int i = 0; i < n; i++) {
      weights.setAtIndex(F32, i, step * (2 * i + 1 - n));
    }
    for (int i = 0; i < n - 1; i++) {
      cutoffs.setAtIndex(F32, i, step * (2 * i + 2 - n));
    }
    return new HostCodec(form, dim, nbits, CENTROIDS, unitRows(CENTROIDS), cutoffs, weights);
  }

  private HostPassages passages(int nbits) {
    MemorySegment offsets = arena.allocate(I64, PASSAGES + 1L);
    for (int p = 0; p <= PASSAGES; p++) {
      offsets.setAtIndex(I64, p, (long) p * TOKENS_A_PASSAGE);
    }
    MemorySegment codes = arena.allocate(U16, TOKENS);
    MemorySegment factors = arena.allocate(U16, TOKENS);
    for (int t = 0; t < TOKENS; t++) {
      codes.setAtIndex(U16, t, (short) random.nextInt(CENTROIDS));
      factors.setAtIndex(U16, t, Float.floatToFloat16(random.nextFloat(0.3f, 1)));
    }
    MemorySegment residuals = arena.allocate((long) TOKENS * dim * nbits / 8);
    for (long i = 0; i < residuals.byteSize(); i++) {
      residuals.set(U8, i, (byte) random.nextInt());
    }
    for (int t = 0; codec.form() == Form.UNIT && t < TOKENS; t++) {
      factors.setAtIndex(U16, t, inverseNorm(codes.getAtIndex(U16, t), residuals, t));
    }
    return new HostPassages(PASSAGES, offsets, DType.U16, codes, residuals, factors);
  }

  /** What a segment of the unit form stores with a token. */
  private short inverseNorm(int code, MemorySegment residuals, int token) {
    double squares = 0;
    for (int d = 0; d < dim; d++) {
      int bucket = 0;
      for (int b = 0; b < codec.nbits(); b++) {
        long bit = ((long) token * dim + d) * codec.nbits() + b;
        bucket |= (residuals.get(U8, bit / 8) >> (bit % 8) & 1) << b;
      }
      double x = codec.centroid().getAtIndex(F32, (long) code * dim + d);
      x += codec.weights().getAtIndex(F32, bucket);
      squares += x * x;
    }
    return Float.floatToFloat16((float) (1 / Math.sqrt(squares)));
  }

  /** Centroid c lists the passages c and 2 c, counted around. */
  private InvertedListTables lists(Scope scope) {
    MemorySegment offsets = arena.allocate(I64, CENTROIDS + 1L);
    MemorySegment listed = arena.allocate(I32, 2L * CENTROIDS);
    for (int c = 0; c < CENTROIDS; c++) {
      offsets.setAtIndex(I64, c + 1, 2L * (c + 1));
      listed.setAtIndex(I32, 2L * c, c % PASSAGES);
      listed.setAtIndex(I32, 2L * c + 1, 2 * c % PASSAGES);
    }
    return new InvertedListTables(
        scope.wrap(DType.I64, 1, offsets), scope.wrap(DType.I32, 1, listed), PASSAGES);
  }

  MemorySegment floats(long n) {
    return arena.allocate(F32, n);
  }

  /** The query with its centroid scores. */
  HostQuery scored(HostKernels kernels) {
    MemorySegment scores = floats((long) CENTROIDS * rows);
    HostQuery query = new HostQuery(rows, dim, values, scores, floats(CENTROIDS));
    kernels.centroidScores(query, codec.centroid(), 0, CENTROIDS);
    return query;
  }

  /** What a stage makes of the query and all passages with these kernels. */
  MemorySegment stage(HostKernels kernels, Stage stage) {
    return stage(kernels, query, stage);
  }

  /** What a stage makes of two queries, each half of the rows, and all passages. */
  MemorySegment stageOfHalves(HostKernels kernels, Stage stage) {
    return stage(kernels, halves, stage);
  }

  private MemorySegment stage(HostKernels kernels, QueryBatch batch, Stage stage) {
    try (Backend backend = new HostBackend("self-check", kernels, 1);
        Scope scope = backend.openScope()) {
      CentroidGrid grid = backend.grid(tables.centroids(), scope);
      IntegerQueries queries = backend.integerScores(batch, grid, tables, scope);
      Candidates all = Candidates.allocate(scope, batch.queries(), PASSAGES);
      for (int q = 0; q < batch.queries(); q++) {
        all.passages().slice(q * all.capacity(), PASSAGES).copyFrom(candidates);
        all.setCount(q, PASSAGES);
      }
      Buffer result = stage.run(backend, queries, all);
      MemorySegment copy = arena.allocate(result.bytes(), 8);
      result.copyTo(copy);
      return copy;
    }
  }

  private static Buffer floats(Scope scope, int columns, MemorySegment values) {
    return scope.wrap(DType.F32, columns, values);
  }
}
