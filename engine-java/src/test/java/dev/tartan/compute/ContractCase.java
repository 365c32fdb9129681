package dev.tartan.compute;

import dev.tartan.memory.DType;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Random arguments for every operation of a backend, as heap arrays. */
final class ContractCase {
  /** What a case is made of. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Shape(long seed, int dim, int nbits, int centroids, int[] queryRows, int passages) {
    @Override
    public String toString() {
      return "seed %d: dim %d, nbits %d, %d centroids, queries of %s rows, %d passages"
          .formatted(seed, dim, nbits, centroids, Arrays.toString(queryRows), passages);
    }
  }

  final Shape shape;
  final SplittableRandom random;
  final float[] queries;
  final int[] queryOffsets;
  final float[] centroids;
  final float[] cutoffs;
  final float[] weights;
  final int longestPassage;
  final long[] offsets;
  final int[] codes;
  final DType codeType;
  final byte[] residuals;
  final CodecTables.Form form;
  final short @Nullable [] factors;
  final float[] dense;
  final int nprobe;
  final float threshold;

  /** The passages that each query scores, in any order, some twice. */
  final int[][] scored;

  /** Values with many ties, NaN and infinities, as scores to keep the best of. */
  final float[][] ties;

  final long[] listOffsets;
  final int[] lists;

  ContractCase(Shape shape, int longestPassage) {
    this.shape = shape;
    this.random = new SplittableRandom(shape.seed);
    this.longestPassage = longestPassage;
    this.queryOffsets = prefix(shape.queryRows);
    this.queries = unitRows(queryOffsets[shape.queryRows.length]);
    this.centroids = unitRows(shape.centroids);
    this.cutoffs = new float[(1 << shape.nbits) - 1];
    this.weights = new float[1 << shape.nbits];
    buckets();
    this.offsets = tokenOffsets();
    int tokens = (int) offsets[shape.passages];
    this.codes = random.ints(tokens, 0, shape.centroids).toArray();
    this.codeType = random.nextBoolean() ? DType.U16 : DType.I32;
    this.residuals = new byte[tokens * shape.dim * shape.nbits / 8];
    random.nextBytes(residuals);
    this.form = random.nextBoolean() ? CodecTables.Form.SCALED : CodecTables.Form.UNIT;
    this.factors = form == CodecTables.Form.SCALED ? factors(tokens) : null;
    this.dense = unitRows(tokens);
    this.nprobe = 1 + random.nextInt(shape.centroids + 2);
    this.threshold = random.nextInt(4) == 0 ? Float.NEGATIVE_INFINITY : random.nextFloat() * 0.4f;
    this.scored = new int[shape.queryRows.length][];
    this.ties = new float[shape.queryRows.length][];
    scored();
    int[][] tables = invertedLists();
    this.lists = tables[1];
    this.listOffsets = Arrays.stream(tables[0]).asLongStream().toArray();
    tieCentroids();
  }

  /** A query row of NaN, which wins nothing anywhere. */
  ContractCase withNaN() {
    int row = random.nextInt(queryOffsets[shape.queryRows.length]);
    queries[row * shape.dim + random.nextInt(shape.dim)] = Float.NaN;
    return this;
  }

  boolean hasNaN() {
    return IntStream.range(0, queries.length).anyMatch(i -> Float.isNaN(queries[i]));
  }

  float[] queryRows(int query) {
    return Arrays.copyOfRange(
        queries, queryOffsets[query] * shape.dim, queryOffsets[query + 1] * shape.dim);
  }

  private void buckets() {
    for (int i = 0; i < cutoffs.length; i++) {
      cutoffs[i] = (float) ((i + 1.0) / weights.length - 0.5) / 4;
    }
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) ((i + 0.5) / weights.length - 0.5) / 4;
    }
  }

  private long[] tokenOffsets() {
    long[] sums = new long[shape.passages + 1];
    for (int p = 0; p < shape.passages; p++) {
      int kind = random.nextInt(6);
      int length =
          switch (kind) {
            case 0 -> 0;
            case 1 -> 1;
            case 2 -> longestPassage;
            default -> 1 + random.nextInt(longestPassage);
          };
      sums[p + 1] = sums[p] + length;
    }
    return sums;
  }

  /** Such that residuals are up to 1.2 long, as those of unit vectors are. */
  private short[] factors(int tokens) {
    double squares = 0;
    for (float weight : weights) {
      squares += (double) weight * weight;
    }
    float longest = (float) (1.2 / Math.sqrt(squares / weights.length * shape.dim));
    short[] halves = new short[tokens];
    for (int i = 0; i < tokens; i++) {
      halves[i] = Float.floatToFloat16(longest * (0.1f + 0.9f * random.nextFloat()));
    }
    return halves;
  }

  private void scored() {
    float[] some = {0f, -0f, 1f, 2f, 2f, -3f, Float.NaN, Float.NEGATIVE_INFINITY, Float.MIN_VALUE};
    for (int q = 0; q < scored.length; q++) {
      int n = q % 3 == 2 || shape.passages == 0 ? 0 : 1 + random.nextInt(2 * shape.passages);
      scored[q] = n == 0 ? new int[0] : random.ints(n, 0, shape.passages).toArray();
      ties[q] = new float[n];
      for (int i = 0; i < n; i++) {
        ties[q][i] = random.nextInt(3) == 0 ? random.nextFloat() : some[random.nextInt(9)];
      }
    }
  }

  /** Offsets and passages of the lists that the codes imply. */
  private int[][] invertedLists() {
    int[] sums = new int[shape.centroids + 1];
    int[] all = new int[codes.length];
    int n = 0;
    for (int c = 0; c < shape.centroids; c++) {
      for (int p = 0; p < shape.passages; p++) {
        int code = c;
        if (IntStream.range((int) offsets[p], (int) offsets[p + 1])
            .anyMatch(t -> codes[t] == code)) {
          all[n++] = p;
        }
      }
      sums[c + 1] = n;
    }
    return new int[][] {sums, Arrays.copyOf(all, n)};
  }

  /** Some centroids are copies of others, so that scores and codes tie. */
  private void tieCentroids() {
    int dim = shape.dim;
    for (int c = 1; c < shape.centroids; c++) {
      if (random.nextInt(4) == 0) {
        System.arraycopy(centroids, random.nextInt(c) * dim, centroids, c * dim, dim);
      }
    }
  }

  private float[] unitRows(int rows) {
    return unitRows(random, rows, shape.dim);
  }

  static float[] unitRows(SplittableRandom random, int rows, int dim) {
    float[] values = new float[rows * dim];
    for (int r = 0; r < rows; r++) {
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        values[r * dim + d] = (float) random.nextGaussian();
        squares += values[r * dim + d] * values[r * dim + d];
      }
      for (int d = 0; d < dim; d++) {
        values[r * dim + d] /= (float) Math.sqrt(squares);
      }
    }
    return values;
  }

  private static int[] prefix(int[] lengths) {
    int[] sums = new int[lengths.length + 1];
    for (int i = 0; i < lengths.length; i++) {
      sums[i + 1] = sums[i] + lengths[i];
    }
    return sums;
  }
}
