package dev.tartan.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec.Kind;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Contenders;
import dev.tartan.compute.Scope;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The tables that a sample leads to. */
class CodecTrainerTest {
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void tearDown() {
    arena.close();
  }

  @Test
  void everyBackendAndNumberOfThreadsTrainsTheSameBits() {
    Matrix sample = sample(12_000, 24);
    for (Kind kind : Kind.values()) {
      List<Backend> backends = new ArrayList<>(Contenders.all());
      ResidualCodec first = null;
      for (Backend backend : backends) {
        try (backend) {
          ResidualCodec codec = train(backend, sample, 64, kind, 4);
          first = first == null ? codec : first;
          String what = backend.description() + " " + kind;
          assertEquals(-1, first.centroids().data().mismatch(codec.centroids().data()), what);
          assertEquals(-1, first.cutoffs().mismatch(codec.cutoffs()), what);
          assertEquals(-1, first.weights().mismatch(codec.weights()), what);
        }
      }
    }
  }

  /** Four weights of a normal distribution: Max, 1960, table I. */
  @Test
  void weightsAreOfLeastSquaredError() {
    SplittableRandom random = new SplittableRandom(8);
    float[] values = new float[400_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Arrays.sort(values);
    MemorySegment cutoffs = arena.allocate(12, 4);
    MemorySegment weights = arena.allocate(16, 4);
    BucketTrainer.lloydMax(values, cutoffs, weights);
    float[] expected = {-1.510f, -0.4528f, 0.4528f, 1.510f};
    assertArrayEquals(expected, weights.toArray(Layouts.F32), 0.01f);
    assertArrayEquals(new float[] {-0.9816f, 0, 0.9816f}, cutoffs.toArray(Layouts.F32), 0.01f);
  }

  /** What the issue asks of the codec, on rows that are not alike in all dimensions. */
  @Test
  void keepsTwiceAsMuch() {
    Matrix sample = uneven(20_000, 64);
    try (Backend backend = Contenders.best(2)) {
      CodecTrainer trainer = new CodecTrainer(backend, Progress.NONE);
      CodecTrainer.Clusters clusters = trainer.cluster(sample, 128, arena);
      double[] errors = new double[9];
      for (int nbits : new int[] {1, 2, 3, 4, 8}) {
        double published =
            error(sample, trainer.train(clusters, Kind.COLBERTV2, nbits, arena), backend);
        double ours = error(sample, trainer.train(clusters, Kind.TARTAN, nbits, arena), backend);
        double share = nbits == 1 ? 0.8 : nbits == 2 ? 0.5 : nbits == 3 ? 0.35 : 0.2;
        assertTrue(ours < share * published, nbits + " bits: " + ours + " of " + published);
        errors[nbits] = ours;
      }
      assertTrue(errors[2] < errors[1] && errors[3] < errors[2] && errors[4] < errors[3]);
    }
  }

  /** Mean squared distance of rows to what the codec makes of them. */
  private double error(Matrix rows, ResidualCodec codec, Backend backend) {
    try (Scope scope = backend.openScope()) {
      long n = rows.rows();
      Buffer values = scope.wrap(rows);
      Buffer codes = scope.allocate(DType.I32, n, 1);
      backend.nearestCentroids(values, scope.wrap(codec.directions(backend, arena)), codes);
      Buffer out = codec.reconstruct(values, codes, backend, scope);
      float[] copy = new float[(int) n * codec.dim()];
      out.copyTo(MemorySegment.ofArray(copy));
      double sum = 0;
      for (int i = 0; i < copy.length; i++) {
        sum += Math.pow(copy[i] - rows.data().getAtIndex(Layouts.F32, i), 2);
      }
      return sum / n;
    }
  }

  /** Rows around centers, farther from them in some dimensions and for some rows than in others. */
  private Matrix uneven(int n, int dim) {
    SplittableRandom random = new SplittableRandom(n);
    Matrix rows =
        Matrix.of(arena, TestIndex.rows(random, n, dim, TestIndex.rows(random, 100, dim, null)));
    for (int i = 0; i < n; i++) {
      double spread = 0.04 + 0.08 * random.nextDouble();
      for (int d = 0; d < dim; d++) {
        double noise = random.nextGaussian() * spread * 2 * Math.exp(-2.0 * d / dim);
        rows.set(i, d, (float) (rows.get(i, d) + noise));
      }
    }
    rows.normalizeRows("the sample", 0);
    return rows;
  }

  @Test
  void centroidsAreOfUnitLengthAndTablesAscend() {
    for (int nbits : new int[] {1, 2, 3, 4, 8, 16}) {
      assertTables(train(sample(2000, 16), 32, nbits), nbits);
      try (Backend backend = Contenders.best(1)) {
        ResidualCodec codec = train(backend, sample(2000, 16), 32, Kind.TARTAN, nbits);
        assertTables(codec, nbits);
        assertEquals(nbits == 16, codec.rotation() == null);
      }
    }
  }

  private void assertTables(ResidualCodec codec, int nbits) {
    try (Backend backend = Contenders.best(1)) {
      assertUnit(codec.directions(backend, arena));
      float[] cutoffs = codec.cutoffs().toArray(Layouts.F32);
      float[] weights = codec.weights().toArray(Layouts.F32);
      assertEquals(nbits == 16 ? 0 : (1 << nbits) - 1, cutoffs.length);
      for (int i = 0; i < cutoffs.length; i++) {
        assertTrue(weights[i] <= cutoffs[i] && cutoffs[i] <= weights[i + 1], "bucket " + i);
      }
    }
  }

  /** More centroids than the sample has clusters: each row is near one. */
  @Test
  void centroidsGoWhereTheRowsAre() {
    Matrix sample = sample(4000, 32);
    ResidualCodec codec = train(sample, 256, 2);
    double sum = 0;
    for (int i = 0; i < sample.rows(); i++) {
      double best = -1;
      for (int c = 0; c < codec.centroids().rows(); c++) {
        double dot = 0;
        for (int d = 0; d < 32; d++) {
          dot += sample.get(i, d) * codec.centroids().get(c, d);
        }
        best = Math.max(best, dot);
      }
      sum += best;
    }
    assertTrue(sum / sample.rows() > 0.9, "mean cosine to the nearest: " + sum / sample.rows());
  }

  @Test
  void aSampleOfOneRowOnly() {
    float[][] same = new float[500][];
    Arrays.fill(same, TestIndex.rows(new SplittableRandom(1), 1, 16, null)[0]);
    ResidualCodec codec = train(Matrix.of(arena, same), 32, 2);
    assertEquals(32, codec.centroids().rows());
    assertUnit(codec.centroids());
    for (float weight : codec.weights().toArray(Layouts.F32)) {
      assertEquals(0, weight, 1e-6);
    }
  }

  @Test
  void fewerRowsThanCentroids() {
    for (int rows : new int[] {1, 2, 19, 21}) {
      ResidualCodec codec = train(sample(rows, 16), 64, 2);
      assertTrue(codec.centroids().rows() >= 1 && codec.centroids().rows() <= rows);
      assertUnit(codec.centroids());
    }
  }

  @Test
  void quantilesAreInterpolated() {
    float[] values = {0, 1, 2, 3, 10};
    MemorySegment cutoffs = arena.allocate(12, 4);
    MemorySegment weights = arena.allocate(16, 4);
    BucketTrainer.quantiles(values, 0, cutoffs);
    BucketTrainer.quantiles(values, 0.5, weights);
    assertArrayEquals(new float[] {1, 2, 3}, cutoffs.toArray(Layouts.F32));
    assertArrayEquals(new float[] {0.5f, 1.5f, 2.5f, 6.5f}, weights.toArray(Layouts.F32));
  }

  @Test
  void theDefaultNumberOfCentroids() {
    assertEquals(1, CodecTrainer.defaultCentroids(1));
    assertEquals(64, CodecTrainer.defaultCentroids(100)); // 160, but no more than tokens
    assertEquals(1024, CodecTrainer.defaultCentroids(10_000)); // 1600
    assertEquals(131_072, CodecTrainer.defaultCentroids(100_000_000)); // 160,000
  }

  @Test
  void bitsThatNoCodecHas() {
    assertThrows(TartanException.class, () -> train(sample(10, 16), 2, 5));
  }

  private static void assertUnit(Matrix rows) {
    for (int r = 0; r < rows.rows(); r++) {
      double squares = 0;
      for (float value : rows.row(r)) {
        squares += (double) value * value;
      }
      assertEquals(1, squares, 1e-5, "row " + r);
    }
  }

  private Matrix sample(int rows, int dim) {
    float[][] centers = TestIndex.rows(new SplittableRandom(3), 20, dim, null);
    return Matrix.of(arena, TestIndex.rows(new SplittableRandom(rows), rows, dim, centers));
  }

  private ResidualCodec train(Matrix sample, int centroids, int nbits) {
    try (Backend backend = Contenders.best(1)) {
      return train(backend, sample, centroids, nbits);
    }
  }

  private ResidualCodec train(Backend backend, Matrix sample, int centroids, int nbits) {
    return train(backend, sample, centroids, Kind.COLBERTV2, nbits);
  }

  private ResidualCodec train(Backend backend, Matrix sample, int centroids, Kind kind, int nbits) {
    return new CodecTrainer(backend, Progress.NONE).train(sample, centroids, kind, nbits, arena);
  }
}
