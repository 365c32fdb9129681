package dev.tartan.compute;

import static dev.tartan.compute.CodecTables.Form.SCALED;
import static dev.tartan.compute.CodecTables.Form.UNIT;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Wrong shapes and damaged data are refused by every backend; none of them crashes. */
class BackendRefusalTest {
  private static final float[][] NO_SCORES = {};

  @Test
  void aDimThatNoKernelHas() {
    each(
        on -> {
          for (int dim : new int[] {4, 12, 1032}) {
            QueryBatch queries = new QueryBatch(on.scope.allocate(DType.F32, 2, dim), ints(0, 2));
            Buffer centroids = on.scope.allocate(DType.F32, 3, dim);
            CentroidScores out = CentroidScores.allocate(on.scope, queries, 3);
            refused(() -> on.backend.centroidScores(queries, centroids, out));
          }
        });
  }

  @Test
  void queriesWithTooFewOrTooManyRows() {
    each(
        on -> {
          Buffer rows = on.scope.allocate(DType.F32, 257, 64);
          refused(() -> scores(on, new QueryBatch(rows, ints(0, 257))));
          refused(() -> scores(on, new QueryBatch(rows, ints(0, 0, 257))));
          refused(() -> scores(on, new QueryBatch(rows, ints(0, 200, 100, 257))));
          refused(() -> scores(on, new QueryBatch(rows, ints(0, 100))));
          refused(() -> scores(on, new QueryBatch(rows, ints(-1, 100, 257))));
        });
  }

  private static void scores(Loaded on, QueryBatch queries) {
    CentroidScores out = CentroidScores.allocate(on.scope, queries, 9);
    on.backend.centroidScores(queries, on.codec.centroids(), out);
  }

  @Test
  void queriesAndIndexOfDifferentDim() {
    each(
        on -> {
          QueryBatch other = new QueryBatch(on.scope.allocate(DType.F32, 3, 128), ints(0, 3));
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          CentroidScores scores = on.centroidScores();
          refused(() -> scores(on, other));
          refused(() -> on.backend.maxSim(other, scores, on.codec, on.passages, all));
          refused(() -> on.backend.maxSimDense(other, on.dense(false), all));
        });
  }

  @Test
  void centroidScoresOfOtherQueriesOrAnotherCodec() {
    each(
        on -> {
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          for (int centroids : new int[] {1, 8, 10}) {
            CentroidScores other = CentroidScores.allocate(on.scope, on.queries, centroids);
            refused(() -> on.backend.maxSim(on.queries, other, on.codec, on.passages, all));
          }
          QueryBatch two = new QueryBatch(on.scope.allocate(DType.F32, 2, 64), ints(0, 2));
          CentroidScores fewer = CentroidScores.allocate(on.scope, two, 9);
          refused(() -> on.backend.maxSim(on.queries, fewer, on.codec, on.passages, all));
        });
  }

  @Test
  void integersOfOtherQueriesOrAnotherCodec() {
    each(
        on -> {
          CentroidGrid grid = on.backend.grid(on.codec.centroids(), on.scope);
          QueryBatch wide = new QueryBatch(on.scope.allocate(DType.F32, 3, 128), ints(0, 3));
          refused(() -> on.backend.integerScores(wide, grid, on.codec, on.scope));
          CentroidGrid few = on.backend.grid(on.codec.centroids().slice(0, 8), on.scope);
          refused(() -> on.backend.integerScores(on.queries, few, on.codec, on.scope));
          IntegerQueries fewer = on.backend.integerScores(on.queries, few, null, on.scope);
          IntegerQueries bare = on.backend.integerScores(on.queries, grid, null, on.scope);
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          Candidates two = on.given(new int[][] {{0, 1}, {1}}, NO_SCORES);
          Candidates room = Candidates.allocate(on.scope, 1, 20);
          refused(() -> on.backend.candidates(fewer, on.lists, 1, null, room));
          for (IntegerQueries bad : java.util.List.of(fewer, bare)) {
            refused(() -> on.backend.integerMaxSim(bad, on.codec, on.passages, all));
            refused(() -> on.backend.rescore(bad, on.codec, on.passages, all));
          }
          refused(() -> on.backend.approximateScores(on.integers(), on.passages, 0, two));
          CompressedPassages good = on.passages;
          CompressedPassages without =
              new CompressedPassages(good.offsets(), good.codes(), good.residuals(), null);
          refused(() -> on.backend.integerMaxSim(on.integers(), on.codec, without, all));
          refused(() -> on.backend.rescore(on.integers(), on.codec, without, all));
        });
  }

  @Test
  void tablesOfAnotherTypeOrSize() {
    each(
        on -> {
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          CodecTables good = on.codec;
          Buffer half = on.scope.allocate(DType.F16, 4, 1);
          refusedCodec(on, all, new CodecTables(UNIT, 2, good.centroids(), good.cutoffs(), half));
          refusedCodec(
              on, all, new CodecTables(UNIT, 3, good.centroids(), good.cutoffs(), good.weights()));
          refusedCodec(
              on, all, new CodecTables(UNIT, 4, good.centroids(), good.cutoffs(), good.weights()));
          Buffer few = on.scope.allocate(DType.F32, 3, 1);
          refusedCodec(on, all, new CodecTables(UNIT, 2, good.centroids(), good.cutoffs(), few));
          CodecTables scaled =
              new CodecTables(SCALED, 2, good.centroids(), good.cutoffs(), good.weights());
          CompressedPassages unit = on.passages;
          CompressedPassages without =
              new CompressedPassages(unit.offsets(), unit.codes(), unit.residuals(), null);
          CentroidScores scores = on.centroidScores();
          refused(() -> on.backend.maxSim(on.queries, scores, scaled, without, all));
          Buffer halves = on.scope.allocate(DType.F16, 3, 1);
          CodecTables cutoffs = new CodecTables(UNIT, 2, good.centroids(), halves, good.weights());
          Buffer packed = on.scope.allocate(DType.U8, 2, 16);
          Buffer factors = on.scope.allocate(DType.U16, 2, 1);
          Buffer codes = on.i32(ints(0, 1));
          Buffer rows = on.scope.allocate(DType.F32, 2, 64);
          refused(() -> on.backend.compress(rows, codes, cutoffs, packed, factors));
        });
  }

  private static void refusedCodec(Loaded on, Candidates all, CodecTables codec) {
    CentroidScores scores = on.centroidScores();
    refused(() -> on.backend.maxSim(on.queries, scores, codec, on.passages, all));
  }

  @Test
  void passagesOfAnotherTypeOrSize() {
    each(
        on -> {
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          CompressedPassages good = on.passages;
          long tokens = good.codes().rows();
          Buffer bytes = on.scope.allocate(DType.U8, tokens, 1);
          Buffer fewer = on.scope.allocate(DType.U16, tokens - 1, 1);
          Buffer ints = on.scope.allocate(DType.I32, good.offsets().rows(), 1);
          refused(on, all, new CompressedPassages(good.offsets(), bytes, good.residuals(), null));
          refused(on, all, new CompressedPassages(good.offsets(), fewer, good.residuals(), null));
          refused(on, all, new CompressedPassages(ints, good.codes(), good.residuals(), null));
          refused(on, all, new CompressedPassages(good.offsets(), good.codes(), bytes, null));
          refused(
              on,
              all,
              new CompressedPassages(good.offsets(), good.codes(), good.residuals(), fewer));
          refused(
              on,
              all,
              new CompressedPassages(good.offsets(), good.codes(), good.residuals(), bytes));
          DensePassages dense = on.dense(false);
          Buffer longs = on.scope.allocate(DType.I64, tokens, 64);
          refused(
              () -> on.backend.maxSimDense(on.queries, new DensePassages(ints, dense.rows()), all));
          refused(
              () ->
                  on.backend.maxSimDense(
                      on.queries, new DensePassages(good.offsets(), longs), all));
        });
  }

  private static void refused(Loaded on, Candidates all, CompressedPassages passages) {
    CentroidScores scores = on.centroidScores();
    refused(() -> on.backend.maxSim(on.queries, scores, on.codec, passages, all));
  }

  @Test
  void approximateScoresOverCodesOfAnotherType() {
    each(
        on -> {
          Candidates all = on.given(new int[][] {{0, 1}}, NO_SCORES);
          CompressedPassages good = on.passages;
          Buffer bytes = on.scope.allocate(DType.U8, good.codes().rows(), 1);
          CompressedPassages bad =
              new CompressedPassages(good.offsets(), bytes, good.residuals(), null);
          IntegerQueries integers = on.integers();
          refused(() -> on.backend.approximateScores(integers, bad, 0, all));
        });
  }

  @Test
  void outputsOfAnotherShape() {
    each(
        on -> {
          long tokens = on.passages.codes().rows();
          Buffer one = on.scope.allocate(DType.F32, 1, 64);
          refused(() -> on.backend.decompress(on.codec, on.passages, tokens, one));
          refused(() -> on.backend.decompress(on.codec, on.passages, -1, one));
          refused(() -> on.backend.decompress(on.codec, on.passages, Long.MAX_VALUE, one));
          Buffer rows = on.scope.allocate(DType.F32, 2, 64);
          Buffer codes = on.scope.allocate(DType.I32, 1, 1);
          refused(() -> on.backend.nearestCentroids(rows, on.codec.centroids(), codes));
          Buffer none = on.scope.allocate(DType.F32, 0, 64);
          Buffer two = on.scope.allocate(DType.I32, 2, 1);
          refused(() -> on.backend.nearestCentroids(rows, none, two));
          Candidates in = on.given(new int[][] {{0, 1, 2}}, NO_SCORES);
          refused(() -> on.backend.keepBest(in, 3, Candidates.allocate(on.scope, 1, 2)));
          refused(() -> on.backend.keepBest(in, -1, Candidates.allocate(on.scope, 1, 3)));
          refused(() -> on.backend.keepBest(in, 3, Candidates.allocate(on.scope, 2, 3)));
        });
  }

  @Test
  void codesThatNoCentroidHas() {
    for (int code : new int[] {9, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      each(
          on -> {
            int[] codes = on.data.codes.clone();
            codes[codes.length - 1] = code;
            CompressedPassages bad =
                new CompressedPassages(
                    on.passages.offsets(),
                    on.i32(codes),
                    on.passages.residuals(),
                    on.passages.factors());
            int last = on.data.shape.passages() - 1;
            Candidates all = on.given(new int[][] {{0, last}}, NO_SCORES);
            CentroidScores scores = on.centroidScores();
            damaged(all, () -> on.backend.maxSim(on.queries, scores, on.codec, bad, all));
            IntegerQueries integers = on.integers();
            damaged(all, () -> on.backend.approximateScores(integers, bad, -9, all));
            damaged(all, () -> on.backend.integerMaxSim(integers, on.codec, bad, all));
            damaged(all, () -> on.backend.rescore(integers, on.codec, bad, all));
            Buffer out = on.scope.allocate(DType.F32, codes.length, 64);
            damaged(out, () -> on.backend.decompress(on.codec, bad, 0, out));
            Buffer rows = on.f32(on.data.dense, 64);
            Buffer packed = on.scope.allocate(DType.U8, codes.length, 16);
            Buffer factors = on.scope.allocate(DType.U16, codes.length, 1);
            damaged(
                packed, () -> on.backend.compress(rows, bad.codes(), on.codec, packed, factors));
            Buffer sums = on.scope.allocate(DType.I64, 9, 64);
            Buffer counts = on.scope.allocate(DType.I64, 9, 1);
            sums.copyFrom(MemorySegment.ofArray(new long[9 * 64]));
            counts.copyFrom(MemorySegment.ofArray(new long[9]));
            damaged(sums, () -> on.backend.accumulateCentroids(rows, bad.codes(), sums, counts));
          });
    }
  }

  @Test
  void passagesThatAreNotThere() {
    for (int passage : new int[] {20, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      each(
          on -> {
            Candidates all = on.given(new int[][] {{0, passage}}, NO_SCORES);
            CentroidScores scores = on.centroidScores();
            damaged(all, () -> on.backend.maxSim(on.queries, scores, on.codec, on.passages, all));
            IntegerQueries integers = on.integers();
            damaged(all, () -> on.backend.approximateScores(integers, on.passages, -9, all));
            damaged(all, () -> on.backend.integerMaxSim(integers, on.codec, on.passages, all));
            damaged(all, () -> on.backend.rescore(integers, on.codec, on.passages, all));
            damaged(all, () -> on.backend.maxSimDense(on.queries, on.dense(true), all));
            int[] listed = on.data.lists.clone();
            java.util.Arrays.fill(listed, passage);
            InvertedListTables lists =
                new InvertedListTables(on.lists.offsets(), on.i32(listed), 20);
            Candidates out = Candidates.allocate(on.scope, 1, 20);
            damaged(() -> on.backend.candidates(integers, lists, 9, null, out));
          });
    }
  }

  @Test
  void probingNoCentroidOrWithoutRoom() {
    each(
        on -> {
          IntegerQueries integers = on.integers();
          Candidates room = Candidates.allocate(on.scope, 1, 20);
          Candidates small = Candidates.allocate(on.scope, 1, 19);
          refused(() -> on.backend.candidates(integers, on.lists, 0, null, room));
          refused(() -> on.backend.candidates(integers, on.lists, 1, null, small));
          Buffer ints = on.scope.allocate(DType.I32, 1, 1);
          Buffer twoWords = on.scope.allocate(DType.I64, 2, 1);
          refused(() -> on.backend.candidates(integers, on.lists, 1, ints, room));
          refused(() -> on.backend.candidates(integers, on.lists, 1, twoWords, room));
        });
  }

  private static void each(Consumer<Loaded> test) {
    ContractCase.Shape shape = new ContractCase.Shape(5, 64, 2, 9, ints(3), 20);
    ContractCase data = new ContractCase(shape, 4);
    assertFalse(data.offsets[20] == data.offsets[19], "the last passage needs a token");
    for (Backend backend : Contenders.all()) {
      try (backend;
          Loaded on = new Loaded(data, backend)) {
        test.accept(on);
      }
    }
  }

  private static void refused(Runnable call) {
    assertThrows(IllegalArgumentException.class, call::run);
  }

  private static void damaged(Runnable call) {
    TartanException e = assertThrows(TartanException.class, call::run);
    assertTrue(e.getMessage().startsWith("damaged index"), e.getMessage());
  }

  /** At once, or when the scores are asked for; and no more after that. */
  private static void damaged(Candidates scored, Runnable call) {
    damaged(scored.scores(), call);
  }

  private static void damaged(Buffer out, Runnable call) {
    damaged(
        () -> {
          call.run();
          Loaded.bytes(out);
        });
    Loaded.bytes(out);
  }

  private static int[] ints(int... values) {
    return values;
  }
}
