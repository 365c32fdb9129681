package dev.tartan.jmh;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * One query and compressed passages of random codes and residuals, shaped as in published figures:
 * 32 query rows, dim 128.
 */
final class RandomTokens {
  static final int ROWS = 32;
  static final int DIM = 128;

  /** Tokens of a passage. */
  static final int DOCLEN = 64;

  /** Passages that one call scores. */
  static final int PASSAGES = 16;

  /** Tokens that one call scores. */
  static final int TOKENS = PASSAGES * DOCLEN;

  /** Products and sums that one token costs. */
  static final int FLOP_A_TOKEN = 2 * ROWS * DIM;

  private static final float TYPICAL_WEIGHT = 0.05f;
  private static final int HALF_IN_F16 = 0x3800;
  private static final int HALF_MANTISSAS = 1 << 10;

  final QueryBatch query;
  final CentroidScores scores;
  final CodecTables codec;
  final CompressedPassages passages;

  private final Random random = new Random(42);
  private final Scope scope;

  /** {@code count} passages over {@code centroids} centroids, with room for the scores of these. */
  RandomTokens(Scope scope, int count, int centroids, int nbits) {
    this(scope, even(count), centroids, nbits, CodecTables.Form.UNIT);
  }

  /** Passages of given numbers of tokens; {@code SCALED} ones have factors. */
  RandomTokens(Scope scope, int[] doclens, int centroids, int nbits, CodecTables.Form form) {
    this.scope = scope;
    this.query = query(scope, random);
    int buckets = 1 << nbits;
    this.codec =
        new CodecTables(
            form,
            nbits,
            unitRows(scope, random, centroids),
            ascending(buckets - 1),
            ascending(buckets));
    this.scores = CentroidScores.allocate(scope, query, centroids);
    int tokens = IntStream.of(doclens).sum();
    this.passages =
        new CompressedPassages(
            offsets(scope, doclens),
            codes(tokens, centroids),
            residuals(tokens, nbits),
            form == CodecTables.Form.SCALED ? factors(tokens) : null);
  }

  private static int[] even(int count) {
    int[] doclens = new int[count];
    Arrays.fill(doclens, DOCLEN);
    return doclens;
  }

  static QueryBatch query(Scope scope, Random random) {
    return new QueryBatch(unitRows(scope, random, ROWS), new int[] {0, ROWS});
  }

  /** F32 [count, DIM], each row of unit length. */
  static Buffer unitRows(Scope scope, Random random, int count) {
    Buffer rows = scope.allocate(DType.F32, count, DIM);
    try (Arena arena = Arena.ofConfined()) {
      Matrix matrix = Matrix.allocate(arena, count, DIM);
      for (long i = 0; i < (long) count * DIM; i++) {
        matrix.data().setAtIndex(Layouts.F32, i, (float) random.nextGaussian());
      }
      matrix.normalizeRows("random rows", 0);
      rows.copyFrom(matrix.data());
    }
    return rows;
  }

  /** Room for one call's candidates, filled with the first passages. */
  Candidates candidates() {
    Candidates candidates = Candidates.allocate(scope, 1, PASSAGES);
    int[] first = new int[PASSAGES];
    for (int i = 0; i < PASSAGES; i++) {
      first[i] = i;
    }
    candidates.passages().copyFrom(MemorySegment.ofArray(first));
    candidates.setCount(0, PASSAGES);
    return candidates;
  }

  /** Candidates that lie anywhere, to be copied over those of {@link #candidates()}. */
  MemorySegment[] scattered(int sets) {
    MemorySegment[] all = new MemorySegment[sets];
    for (int s = 0; s < sets; s++) {
      int[] set = random.ints(PASSAGES, 0, Math.toIntExact(passages.passages())).toArray();
      all[s] = MemorySegment.ofArray(set);
    }
    return all;
  }

  private Buffer ascending(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = TYPICAL_WEIGHT * (2f * (i + 1) / (count + 1) - 1);
    }
    Buffer buffer = scope.allocate(DType.F32, count, 1);
    buffer.copyFrom(MemorySegment.ofArray(values));
    return buffer;
  }

  /** I64 [passages + 1, 1]. */
  static Buffer offsets(Scope scope, int[] doclens) {
    long[] values = new long[doclens.length + 1];
    for (int p = 0; p < doclens.length; p++) {
      values[p + 1] = values[p] + doclens[p];
    }
    Buffer buffer = scope.allocate(DType.I64, values.length, 1);
    buffer.copyFrom(MemorySegment.ofArray(values));
    return buffer;
  }

  private Buffer codes(int tokens, int centroids) {
    short[] values = new short[tokens];
    for (int t = 0; t < tokens; t++) {
      values[t] = (short) random.nextInt(centroids);
    }
    Buffer buffer = scope.allocate(DType.U16, tokens, 1);
    buffer.copyFrom(MemorySegment.ofArray(values));
    return buffer;
  }

  /** Factors between a half and one. */
  private Buffer factors(int tokens) {
    short[] values = new short[tokens];
    for (int t = 0; t < tokens; t++) {
      values[t] = (short) (HALF_IN_F16 + random.nextInt(HALF_MANTISSAS));
    }
    Buffer buffer = scope.allocate(DType.U16, tokens, 1);
    buffer.copyFrom(MemorySegment.ofArray(values));
    return buffer;
  }

  private Buffer residuals(int tokens, int nbits) {
    byte[] values = new byte[tokens * DIM * nbits / 8];
    random.nextBytes(values);
    Buffer buffer = scope.allocate(DType.U8, tokens, DIM * nbits / 8);
    buffer.copyFrom(MemorySegment.ofArray(values));
    return buffer;
  }
}
