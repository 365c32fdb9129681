package dev.tartan.compute;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.tartan.memory.DType;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** All backends mean the same: the reference says what. */
class BackendContractTest {
  private static final int[] DIMS = {8, 64, 96, 128, 256, 768, 1024};
  private static final int[] ROWS = {1, 7, 32, 33, 255, 256};
  private static final int[] BITS = {1, 2, 3, 4, 8};

  @Test
  void centroidScoresAreEqualToTheBit() {
    each(
        (right, other) -> {
          CentroidScores a = right.centroidScores();
          CentroidScores b = other.centroidScores();
          assertBits(Loaded.floats(a.scores()), Loaded.floats(b.scores()));
          assertBits(Loaded.floats(a.best()), Loaded.floats(b.best()));
        });
  }

  @Test
  void integerScoresAreEqual() {
    each(
        (right, other) -> {
          CentroidGrid grid = right.backend.grid(right.codec.centroids(), right.scope);
          CentroidGrid same = other.backend.grid(other.codec.centroids(), other.scope);
          assertEqualBytes(grid.values(), same.values());
          assertEquals(grid.steps(), same.steps());
          assertEquals(grid.reach(), same.reach());
          for (boolean tables : new boolean[] {true, false}) {
            IntegerQueries a = integers(right, grid, tables);
            IntegerQueries b = integers(other, same, tables);
            assertEqualBytes(a.scores(), b.scores());
            assertEqualBytes(a.best(), b.best());
          }
        });
  }

  private static IntegerQueries integers(Loaded on, CentroidGrid grid, boolean tables) {
    return on.backend.integerScores(on.queries, grid, tables ? on.codec : null, on.scope);
  }

  @Test
  void integerMaxSimIsEqualToTheBit() {
    each(
        (right, other) -> {
          Candidates a = integerMaxSim(right);
          Candidates b = integerMaxSim(other);
          for (int q = 0; q < a.queries(); q++) {
            assertBits(Loaded.scores(a, q), Loaded.scores(b, q));
          }
        });
  }

  @Test
  void rescoringGivesMaxSim() {
    each(
        (right, other) -> {
          if (right.data.hasNaN()) {
            return; // a query with NaN is refused before it is searched
          }
          Candidates a = maxSim(right);
          Candidates b = rescore(other);
          for (int q = 0; q < a.queries(); q++) {
            assertWithinBound(right, other, q, Loaded.scores(a, q), Loaded.scores(b, q));
          }
        });
  }

  @Test
  void candidatesAreEqual() {
    each(
        (right, other) -> {
          Candidates a = right.candidates(right.integers());
          Candidates b = other.candidates(other.integers());
          for (int q = 0; q < a.queries(); q++) {
            assertArrayEquals(Loaded.passages(a, q), Loaded.passages(b, q));
            assertBits(Loaded.scores(a, q), Loaded.scores(b, q));
          }
        });
  }

  /** What is allowed comes out as it would with the others, whatever stands beyond the passages. */
  @Test
  void onlyAllowedPassagesAreCandidates() {
    each(
        (right, other) -> {
          Candidates all = right.candidates(right.integers());
          IntegerQueries integers = other.integers();
          for (long[] allowed : bitmaps(right.data)) {
            Candidates some = other.candidates(integers, allowed);
            for (int q = 0; q < all.queries(); q++) {
              int[] passages = Loaded.passages(all, q);
              float[] scores = Loaded.scores(all, q);
              int[] kept =
                  IntStream.range(0, passages.length)
                      .filter(i -> (allowed[passages[i] / 64] >> passages[i] % 64 & 1) == 1)
                      .toArray();
              assertArrayEquals(
                  Arrays.stream(kept).map(i -> passages[i]).toArray(), Loaded.passages(some, q));
              float[] theirs = Loaded.scores(some, q);
              for (int i = 0; i < kept.length; i++) {
                assertEquals(scores[kept[i]], theirs[i]);
              }
            }
          }
        });
  }

  /** None, all, one and random ones; each with and without the bits beyond the passages. */
  private static List<long[]> bitmaps(ContractCase data) {
    int passages = data.shape.passages();
    int words = Math.ceilDiv(passages, Long.SIZE);
    SplittableRandom random = new SplittableRandom(data.shape.seed());
    long[] all = new long[words];
    Arrays.fill(all, -1);
    long[] one = new long[words];
    if (passages > 0) {
      int chosen = random.nextInt(passages);
      one[chosen / 64] = 1L << chosen % 64;
    }
    List<long[]> bitmaps = new ArrayList<>();
    for (long[] bits : List.of(new long[words], all, one, random.longs(words).toArray())) {
      long[] without = bits.clone();
      long[] with = bits.clone();
      if (passages % 64 != 0) {
        without[words - 1] &= ~(-1L << passages % 64);
        with[words - 1] |= -1L << passages % 64;
      }
      bitmaps.add(without);
      bitmaps.add(with);
    }
    return bitmaps;
  }

  @Test
  void approximateScoresAreEqualToTheBit() {
    each(
        (right, other) -> {
          Candidates a = approximate(right);
          Candidates b = approximate(other);
          for (int q = 0; q < a.queries(); q++) {
            assertBits(Loaded.scores(a, q), Loaded.scores(b, q));
          }
        });
  }

  @Test
  void theBestAreEqualAlsoWhenTheyTie() {
    each(
        (right, other) -> {
          for (long keep : new long[] {0, 1, 3, 1000}) {
            Candidates a = best(right, keep);
            Candidates b = best(other, keep);
            for (int q = 0; q < a.queries(); q++) {
              assertArrayEquals(Loaded.passages(a, q), Loaded.passages(b, q));
              assertClose(Loaded.scores(a, q), Loaded.scores(b, q), 0); // but for the sign of zero
            }
          }
        });
  }

  @Test
  void theCutAreTheBestInTheirOrder() {
    each(
        (right, other) -> {
          for (long keep : new long[] {0, 1, 3, 1000}) {
            Candidates a = cut(right, keep);
            Candidates b = cut(other, keep);
            for (int q = 0; q < a.queries(); q++) {
              assertArrayEquals(Loaded.passages(a, q), Loaded.passages(b, q));
              assertBits(Loaded.scores(a, q), Loaded.scores(b, q));
            }
          }
        });
  }

  @Test
  void maxSimIsWithinItsBound() {
    each(
        (right, other) -> {
          Candidates a = maxSim(right);
          Candidates b = maxSim(other);
          for (int q = 0; q < a.queries(); q++) {
            assertWithinBound(right, other, q, Loaded.scores(a, q), Loaded.scores(b, q));
          }
        });
  }

  @Test
  void maxSimOfUncompressedPassagesIsWithinItsBound() {
    each(
        (right, other) -> {
          for (boolean half : new boolean[] {false, true}) {
            Candidates a = right.given(right.data.scored, new float[0][]);
            Candidates b = other.given(other.data.scored, new float[0][]);
            right.backend.maxSimDense(right.queries, right.dense(half), a);
            other.backend.maxSimDense(other.queries, other.dense(half), b);
            for (int q = 0; q < a.queries(); q++) {
              assertWithinBound(right, other, q, Loaded.scores(a, q), Loaded.scores(b, q));
            }
          }
        });
  }

  @Test
  void codesAndSumsAreEqual() {
    each(
        (right, other) -> {
          Buffer codes = codes(right);
          assertArrayEquals(Loaded.ints(codes), Loaded.ints(codes(other)));
          Buffer[] a = sums(right, codes);
          Buffer[] b = sums(other, codes(other));
          assertArrayEquals(Loaded.longs(a[0]), Loaded.longs(b[0]));
          assertArrayEquals(Loaded.longs(a[1]), Loaded.longs(b[1]));
        });
  }

  @Test
  void packedResidualsAndFactorsAreEqual() {
    each(
        (right, other) -> {
          Buffer[] a = compress(right);
          Buffer[] b = compress(other);
          for (int i = 0; i < a.length; i++) {
            assertEqualBytes(a[i], b[i]);
          }
        });
  }

  @Test
  void reconstructionsAreWithinTheirBound() {
    each(
        (right, other) ->
            assertClose(Loaded.floats(decompress(right)), Loaded.floats(decompress(other)), 1e-6f));
  }

  @Test
  void aQueryAloneHasTheScoresThatItHasInABatch() {
    for (Backend backend : Contenders.all()) {
      try (backend) {
        for (long seed = 0; seed < 12; seed++) {
          ContractCase data = random(seed);
          try (Loaded batch = new Loaded(data, backend)) {
            for (int q = 0; q < batch.queries.queries(); q++) {
              assertAlone(batch, q, backend.description() + ", " + data.shape);
            }
          }
        }
      }
    }
  }

  private static void assertAlone(Loaded batch, int query, String what) {
    Candidates together = maxSim(batch);
    Candidates found = batch.candidates(batch.integers());
    try (Loaded alone = new Loaded(batch.data, batch.backend, query)) {
      CentroidScores scores = alone.centroidScores();
      Candidates single = alone.given(new int[][] {batch.data.scored[query]}, new float[0][]);
      alone.backend.maxSim(alone.queries, scores, alone.codec, alone.passages, single);
      assertBits(Loaded.scores(together, query), Loaded.scores(single, 0));
      assertArrayEquals(
          Loaded.passages(found, query),
          Loaded.passages(alone.candidates(alone.integers()), 0),
          what);
    }
  }

  @Test
  void queriesWithTheSameCandidatesScoreAsAlone() {
    ContractCase data = manyPassages();
    int[] passages = IntStream.range(0, data.shape.passages()).toArray();
    for (Backend backend : Contenders.all()) {
      try (backend;
          Loaded batch = new Loaded(data, backend)) {
        int[][] same = new int[batch.queries.queries()][];
        Arrays.fill(same, passages);
        Candidates together = batch.given(same, new float[0][]);
        backend.integerMaxSim(batch.integers(), batch.codec, batch.passages, together);
        for (int q = 0; q < same.length; q++) {
          try (Loaded alone = new Loaded(data, backend, q)) {
            Candidates single = alone.given(new int[][] {passages}, new float[0][]);
            backend.integerMaxSim(alone.integers(), alone.codec, alone.passages, single);
            assertBits(Loaded.scores(single, 0), Loaded.scores(together, q));
          }
        }
      }
    }
  }

  @Test
  void threadsDoNotChangeABit() {
    List<Backend> all = Contenders.onHost();
    all.addFirst(Contenders.reference());
    for (int i = 0; i < all.size(); i += 2) {
      try (Backend one = all.get(i);
          Backend three = all.get(i + 1)) {
        for (ContractCase data :
            List.of(manyCentroids(), manyPassages(), manyTokens(), random(3))) {
          try (Loaded a = new Loaded(data, one);
              Loaded b = new Loaded(data, three)) {
            assertEqualBits(a, b);
          }
        }
      }
    }
  }

  @Test
  void whereArraysLieDoesNotChangeABit() {
    try (Backend apart = Contenders.cuda(false);
        Backend pooled = Contenders.cuda(true)) {
      for (ContractCase data : List.of(manyPassages(), manyTokens(), random(3), random(4))) {
        for (int again = 0; again < 2; again++) { // in memory that was used before
          try (Loaded a = new Loaded(data, apart);
              Loaded b = new Loaded(data, pooled)) {
            assertEqualBits(a, b);
            assertBits(Loaded.scores(rescore(a), 0), Loaded.scores(rescore(b), 0));
            assertArrayEquals(
                Loaded.passages(a.candidates(a.integers()), 0),
                Loaded.passages(b.candidates(b.integers()), 0));
          }
        }
      }
    }
  }

  /** Some passages a part and a few parts a query. */
  @Test
  void tokensThatAreBroughtScoreAsThoseThatAreThere() {
    Map<String, String> brought = Map.of("tartan.cuda.tokens", "0", "tartan.cuda.part", "2000");
    List<String> notices = new ArrayList<>();
    try (Backend there = Contenders.cuda(false);
        Backend onHost = Contenders.cuda(brought, notices::add)) {
      for (ContractCase data :
          List.of(manyPassages(), longPassages(), random(3), random(4), random(6))) {
        try (Loaded a = new Loaded(data, there);
            Loaded b = new Loaded(data, onHost)) {
          assertEqualBits(a, b);
          Candidates x = a.given(data.scored, new float[0][]);
          Candidates y = b.given(data.scored, new float[0][]);
          there.maxSimDense(a.queries, a.dense(true), x);
          onHost.maxSimDense(b.queries, b.dense(true), y);
          for (int q = 0; q < x.queries(); q++) {
            assertBits(Loaded.scores(rescore(a), q), Loaded.scores(rescore(b), q));
            assertBits(Loaded.scores(x, q), Loaded.scores(y, q));
          }
        }
      }
    }
    assertEquals(1, notices.size(), notices.toString());
  }

  private static void assertEqualBits(Loaded a, Loaded b) {
    Candidates x = maxSim(a);
    Candidates y = maxSim(b);
    for (int q = 0; q < x.queries(); q++) {
      assertBits(Loaded.scores(x, q), Loaded.scores(y, q));
    }
    x = integerMaxSim(a);
    y = integerMaxSim(b);
    for (int q = 0; q < x.queries(); q++) {
      assertBits(Loaded.scores(x, q), Loaded.scores(y, q));
    }
    assertBits(Loaded.floats(decompress(a)), Loaded.floats(decompress(b)));
    assertArrayEquals(Loaded.ints(codes(a)), Loaded.ints(codes(b)));
  }

  /** The formula by hand, so that the reference itself is held to something. */
  @Test
  void theReferenceDoesTheSumByHand() {
    for (long seed = 1; seed < 9; seed++) {
      doesTheSumByHand(new ContractCase(shape(seed, 8, 2, 3, new int[] {2}, 4), 5));
    }
  }

  private static void doesTheSumByHand(ContractCase data) {
    try (Backend backend = Contenders.reference();
        Loaded loaded = new Loaded(data, backend)) {
      int[][] all = {{0, 1, 2, 3}};
      Candidates scored = loaded.given(all, new float[0][]);
      backend.maxSim(
          loaded.queries, loaded.centroidScores(), loaded.codec, loaded.passages, scored);
      float[] scores = Loaded.scores(scored, 0);
      for (int p = 0; p < 4; p++) {
        assertEquals(byHand(data, p), scores[p], 1e-5, data.shape + ", passage " + p);
      }
    }
  }

  private static double byHand(ContractCase data, int passage) {
    double sum = 0;
    for (int r = 0; r < 2; r++) {
      double best = Double.NEGATIVE_INFINITY;
      for (long t = data.offsets[passage]; t < data.offsets[passage + 1]; t++) {
        best = Math.max(best, similarity(data, r, (int) t));
      }
      sum += best;
    }
    return sum;
  }

  private static double similarity(ContractCase data, int row, int token) {
    double dot = 0;
    double squares = 0;
    short[] factors = data.factors;
    double factor = factors == null ? 1 : Float.float16ToFloat(factors[token]);
    for (int d = 0; d < 8; d++) {
      int bucket = (data.residuals[token * 2 + d / 4] >> (d % 4 * 2)) & 3;
      double value = data.centroids[data.codes[token] * 8 + d] + factor * data.weights[bucket];
      dot += value * data.queries[row * 8 + d];
      squares += value * value;
    }
    return factors == null ? dot / Math.sqrt(squares) : dot;
  }

  private static Candidates approximate(Loaded on) {
    Candidates all = on.given(on.data.scored, new float[0][]);
    on.backend.approximateScores(on.integers(), on.passages, on.data.threshold, all);
    return all;
  }

  private static Candidates integerMaxSim(Loaded on) {
    Candidates all = on.given(on.data.scored, new float[0][]);
    on.backend.integerMaxSim(on.integers(), on.codec, on.passages, all);
    return all;
  }

  private static Candidates rescore(Loaded on) {
    Candidates all = on.given(on.data.scored, new float[0][]);
    on.backend.rescore(on.integers(), on.codec, on.passages, all);
    return all;
  }

  private static Candidates best(Loaded on, long keep) {
    Candidates all = on.given(on.data.scored, on.data.ties);
    Candidates best = Candidates.allocate(on.scope, all.queries(), Math.min(keep, all.largest()));
    on.backend.keepBest(all, keep, best);
    return best;
  }

  private static Candidates cut(Loaded on, long keep) {
    Candidates all = on.given(on.data.scored, on.data.ties);
    Candidates best = Candidates.allocate(on.scope, all.queries(), Math.min(keep, all.largest()));
    on.backend.cut(all, keep, best);
    return best;
  }

  private static Candidates maxSim(Loaded on) {
    Candidates all = on.given(on.data.scored, new float[0][]);
    on.backend.maxSim(on.queries, on.centroidScores(), on.codec, on.passages, all);
    return all;
  }

  private static Buffer codes(Loaded on) {
    Buffer rows = on.f32(on.data.dense, on.data.shape.dim());
    Buffer codes = on.scope.allocate(DType.I32, rows.rows(), 1);
    on.backend.nearestCentroids(rows, on.codec.centroids(), codes);
    return codes;
  }

  private static Buffer[] sums(Loaded on, Buffer codes) {
    int k = on.data.shape.centroids();
    int dim = on.data.shape.dim();
    Buffer sums = on.scope.allocate(DType.I64, k, dim);
    Buffer counts = on.scope.allocate(DType.I64, k, 1);
    sums.copyFrom(java.lang.foreign.MemorySegment.ofArray(new long[k * dim]));
    counts.copyFrom(java.lang.foreign.MemorySegment.ofArray(new long[k]));
    on.backend.accumulateCentroids(on.f32(on.data.dense, dim), codes, sums, counts);
    return new Buffer[] {sums, counts};
  }

  /** Residual rows of 3 bits a dimension: what both forms make of them. */
  @Test
  void threeBits() {
    List<ContractCase> cases = new ArrayList<>();
    for (int seed = 0; seed < 16; seed++) {
      int[] rows = {2};
      cases.add(new ContractCase(shape(700 + seed, DIMS[seed % DIMS.length], 3, 9, rows, 8), 9));
    }
    each(
        cases,
        (right, other) -> {
          Buffer[] a = compress(right);
          Buffer[] b = compress(other);
          assertEqualBytes(a[0], b[0]);
          assertEqualBytes(a[1], b[1]);
          assertClose(Loaded.floats(decompress(right)), Loaded.floats(decompress(other)), 1e-6f);
        });
  }

  private static Buffer[] compress(Loaded on) {
    Buffer rows = on.f32(on.data.dense, on.data.shape.dim());
    Buffer packed = on.scope.allocate(DType.U8, rows.rows(), on.codec.residualBytes());
    Buffer factors = on.scope.allocate(DType.U16, rows.rows(), 1);
    on.backend.compress(rows, on.i32(on.data.codes), on.codec, packed, factors);
    return new Buffer[] {packed, factors};
  }

  /** All tokens but the first and the last, where there are so many. */
  private static Buffer decompress(Loaded on) {
    long tokens = on.passages.codes().rows();
    long first = Math.min(1, tokens);
    Buffer out = on.scope.allocate(DType.F32, Math.max(0, tokens - 2), on.data.shape.dim());
    on.backend.decompress(on.codec, on.passages, first, out);
    return out;
  }

  /** Runs {@code test} on the reference and every other backend, over all cases. */
  private static void each(BiConsumer<Loaded, Loaded> test) {
    each(cases(), test);
  }

  private static void each(List<ContractCase> cases, BiConsumer<Loaded, Loaded> test) {
    try (Backend reference = Contenders.reference()) {
      for (Backend backend : Contenders.all()) {
        try (backend) {
          for (ContractCase data : cases) {
            try (Loaded right = new Loaded(data, reference);
                Loaded other = new Loaded(data, backend)) {
              test.accept(right, other);
            } catch (AssertionError | RuntimeException e) {
              fail(backend.description() + ", " + data.shape + ": " + e.getMessage(), e);
            }
          }
        }
      }
    }
  }

  private static List<ContractCase> cases() {
    List<ContractCase> cases = new ArrayList<>();
    for (int d = 0; d < DIMS.length; d++) {
      for (int r = 0; r < ROWS.length; r++) {
        int nbits = BITS[(d + r) % BITS.length];
        int passages = Math.clamp(300_000 / (DIMS[d] * ROWS[r]), 2, 20);
        int[] rows = {ROWS[r]};
        cases.add(new ContractCase(shape(100 + 10 * d + r, DIMS[d], nbits, 9, rows, passages), 3));
      }
    }
    for (long seed = 0; seed < 24; seed++) {
      ContractCase data = random(seed);
      cases.add(seed % 4 == 3 ? data.withNaN() : data);
    }
    cases.add(manyPassages());
    cases.add(manyTokens());
    cases.add(longPassages());
    cases.add(new ContractCase(shape(7, 64, 2, 1, new int[] {3}, 0), 1)); // no passage at all
    return cases;
  }

  /** Several queries over a few dozen passages. */
  private static ContractCase random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] rows = random.ints(1 + random.nextInt(4), 1, 40).toArray();
    int dim = 8 * (1 + random.nextInt(20));
    int nbits = BITS[random.nextInt(BITS.length)];
    int centroids = 1 + random.nextInt(40);
    int passages = 1 + random.nextInt(40);
    return new ContractCase(shape(seed, dim, nbits, centroids, rows, passages), 9);
  }

  /** More than one task of everything that splits by passage or token. */
  private static ContractCase manyPassages() {
    return new ContractCase(shape(11, 8, 4, 5, new int[] {3, 5, 2}, 1500), 9);
  }

  /** So many tokens and centroids that nearest centroids are found by a sketch. */
  private static ContractCase manyTokens() {
    return new ContractCase(shape(13, 64, 2, 300, new int[] {3}, 800), 9);
  }

  /** The first that scores a passage of 4,096 tokens, of few passages. */
  private static ContractCase longPassages() {
    return LongStream.iterate(14, seed -> seed + 1)
        .mapToObj(seed -> new ContractCase(shape(seed, 16, 2, 5, new int[] {2}, 3), 4096))
        .filter(
            data ->
                IntStream.of(data.scored[0])
                    .anyMatch(p -> data.offsets[p + 1] - data.offsets[p] == 4096))
        .findFirst()
        .orElseThrow();
  }

  private static ContractCase manyCentroids() {
    return new ContractCase(shape(12, 8, 2, 5000, new int[] {4, 1}, 10), 5);
  }

  private static ContractCase.Shape shape(
      long seed, int dim, int nbits, int centroids, int[] rows, int passages) {
    return new ContractCase.Shape(seed, dim, nbits, centroids, rows, passages);
  }

  private static void assertEqualBytes(Buffer expected, Buffer actual) {
    assertArrayEquals(
        Loaded.bytes(expected).toArray(ValueLayout.JAVA_BYTE),
        Loaded.bytes(actual).toArray(ValueLayout.JAVA_BYTE));
  }

  private static void assertBits(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      if (Float.floatToIntBits(expected[i]) != Float.floatToIntBits(actual[i])) {
        fail("element %d: expected %s, not %s".formatted(i, expected[i], actual[i]));
      }
    }
  }

  /** Scores of query {@code q}. */
  private static void assertWithinBound(
      Loaded right, Loaded other, int q, float[] expected, float[] actual) {
    int rows = right.queries.rows(q);
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      float bound = Contenders.bound(other.backend, rows, expected[i]);
      assertClose(new float[] {expected[i]}, new float[] {actual[i]}, bound);
    }
  }

  private static void assertClose(float[] expected, float[] actual, float bound) {
    assertEquals(expected.length, actual.length, () -> Arrays.toString(actual));
    for (int i = 0; i < expected.length; i++) {
      boolean same = Float.compare(expected[i], actual[i]) == 0; // NaN and infinities
      int at = i;
      assertTrue(
          same || Math.abs(expected[i] - actual[i]) <= bound,
          () -> "element %d: expected %s, not %s".formatted(at, expected[at], actual[at]));
    }
  }
}
