package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;
import static dev.tartan.memory.Layouts.U8;

import dev.tartan.compute.host.HostKernels.HostCodec;
import dev.tartan.compute.host.HostKernels.HostGrid;
import dev.tartan.compute.host.HostKernels.HostQuery;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Queries and centroids in integers, as native/include/tartan_cpu.h defines them. All arithmetic is
 * float32 in the order written here, so that every backend gets the same integers.
 */
final class IntegerReference {
  /** Greatest magnitude of a quantised query value, and greatest table entry. */
  private static final int LIMIT = 63;

  private static final float GRID_STEPS = 216;
  private static final float SLACK = 1.1f;

  private IntegerReference() {}

  /**
   * The head of a block: then come scales, biases, values and either tables or, of {@link
   * DotReference}, weights and rows, each of four bytes.
   */
  record Block(MemorySegment memory, int rows, int dim, int nbits) {
    static final int HEAD = 16;

    static long bytes(int rows, int dim, int nbits) {
      long dots = byDots(nbits) ? DotReference.WEIGHTS + (long) rows * dim : 0;
      return (HEAD + rows * (2L + dim + 16L * IntegerReference.groups(dim, nbits)) + dots) * 4;
    }

    int groups() {
      return IntegerReference.groups(dim, nbits);
    }

    float unit() {
      return memory.getAtIndex(F32, 0);
    }

    float scoreUnit() {
      return memory.getAtIndex(F32, 1);
    }

    float multiplier() {
      return memory.getAtIndex(F32, 2);
    }

    int shift() {
      return memory.getAtIndex(I32, 3);
    }

    void units(float unit, float scoreUnit, float multiplier, int shift) {
      memory.setAtIndex(F32, 0, unit);
      memory.setAtIndex(F32, 1, scoreUnit);
      memory.setAtIndex(F32, 2, multiplier);
      memory.setAtIndex(I32, 3, shift);
    }

    long scaleAt(int row) {
      return (long) HEAD + row;
    }

    long biasAt(int row) {
      return (long) HEAD + rows + row;
    }

    long valueAt(int row, int d) {
      return HEAD + 2L * rows + (long) row * dim + d;
    }

    long entryAt(int row, int group, int nibble) {
      return afterValues() + ((long) row * groups() + group) * 16 + nibble;
    }

    long weightAt(int bucket) {
      return afterValues() + bucket;
    }

    long dotValueAt(int row, int d) {
      return afterValues() + DotReference.WEIGHTS + (long) row * dim + d;
    }

    private long afterValues() {
      return HEAD + 2L * rows + (long) rows * dim;
    }
  }

  /** The dimensions and weights of one look-up. */
  private record Group(int first, int dims, int bits, float[] weights) {
    float sum(float[] row, int nibble) {
      float sum = 0;
      for (int k = 0; k < dims; k++) {
        sum += row[first + k] * weights[(nibble >> (k * bits)) & ((1 << bits) - 1)];
      }
      return sum;
    }
  }

  /** Whether tokens meet the query in dot products rather than by look-up. */
  static boolean byDots(int nbits) {
    return nbits >= 3;
  }

  static int groups(int dim, int nbits) {
    return byDots(nbits) ? 0 : dim * nbits / 4;
  }

  static void quantiseCentroids(
      MemorySegment centroid, int dim, MemorySegment values, MemorySegment stepsAndReach) {
    long n = values.byteSize();
    float largest = 0;
    for (long i = 0; i < n; i++) {
      largest = Math.max(largest, Math.abs(finite(centroid.getAtIndex(F32, i))));
    }
    float steps = largest * GRID_STEPS > 127 ? 127 / largest : GRID_STEPS;
    long longest = 0;
    for (long c = 0; c < n / dim; c++) {
      long[] half = new long[2];
      for (int d = 0; d < dim; d++) {
        int x = clamp(nearest(finite(centroid.getAtIndex(F32, c * dim + d)) * steps), 127);
        values.set(U8, c * dim + d, (byte) (128 + x));
        half[(d >> 1) & 1] += (long) x * x;
      }
      longest = Math.max(longest, Math.max(half[0], half[1]));
    }
    stepsAndReach.setAtIndex(F32, 0, steps);
    stepsAndReach.setAtIndex(F32, 1, (float) Math.sqrt((float) longest));
  }

  static void quantise(
      HostQuery query, HostGrid grid, @Nullable HostCodec codec, MemorySegment memory) {
    Block block = new Block(memory, query.rows(), query.dim(), codec == null ? 0 : codec.nbits());
    float[][] rows = new float[query.rows()][query.dim()];
    float longest = 0;
    for (int r = 0; r < rows.length; r++) {
      for (int d = 0; d < query.dim(); d++) {
        float x = query.values().getAtIndex(F32, (long) r * query.dim() + d);
        rows[r][d] = Math.abs(x) <= 1e18f ? x : 0;
      }
      longest = Math.max(longest, quantiseRow(rows[r], r, grid, block));
    }
    float least = (longest > 0 ? longest : 1) * SLACK / 32767;
    if (codec == null) {
      block.units(least, least, 0, 0);
    } else if (byDots(codec.nbits())) {
      DotReference.quantise(rows, codec, least, block);
    } else {
      tables(rows, codec, least, block);
    }
    for (int r = 0; r < rows.length; r++) {
      float scale = memory.getAtIndex(F32, block.scaleAt(r));
      memory.setAtIndex(F32, block.scaleAt(r), scale / block.scoreUnit());
    }
  }

  /** Returns the length of the row. */
  private static float quantiseRow(float[] row, int r, HostGrid grid, Block block) {
    float largest = 0;
    float[] half = new float[2];
    for (int d = 0; d < row.length; d++) {
      largest = Math.max(largest, Math.abs(row[d]));
      half[(d >> 1) & 1] += row[d] * row[d];
    }
    float part = (float) Math.sqrt(Math.max(half[0], half[1]));
    float rounding = 0.5f * (float) Math.sqrt((float) row.length / 2);
    float room = 32767 / Math.max(1, grid.reach()) - rounding - 1;
    float steps = largest > 1e-18f ? LIMIT / largest : 1;
    if (steps * part > room) {
      steps = room / part;
    }
    for (int d = 0; d < row.length; d++) {
      block.memory.setAtIndex(I32, block.valueAt(r, d), clamp(nearest(row[d] * steps), LIMIT));
    }
    block.memory.setAtIndex(F32, block.scaleAt(r), 1 / (steps * grid.steps()));
    return (float) Math.sqrt(half[0] + half[1]);
  }

  private static void tables(float[][] rows, HostCodec codec, float least, Block block) {
    Group[] groups = groupsOf(codec);
    float[] lows = new float[rows.length];
    float widest = 0;
    float farthest = 0;
    for (int r = 0; r < rows.length; r++) {
      float above = 0;
      for (Group group : groups) {
        float low = low(group, rows[r]);
        float high = -Float.MAX_VALUE;
        for (int i = 0; i < 16; i++) {
          high = Math.max(high, group.sum(rows[r], i));
        }
        lows[r] += low;
        above += high;
        widest = Math.max(widest, high - low);
      }
      farthest = Math.max(farthest, Math.max(Math.abs(above), Math.abs(lows[r])));
    }
    int limit = Math.min(LIMIT, 32767 / groups.length);
    float step = chooseUnits(codec, widest, farthest, groups.length, least, limit, block);
    float inverse = 1 / step;
    for (int r = 0; r < rows.length; r++) {
      int bias = Math.max(-32768, Math.min(32767, nearest(-lows[r] * inverse)));
      block.memory.setAtIndex(I32, block.biasAt(r), bias);
      for (int g = 0; g < groups.length; g++) {
        float low = low(groups[g], rows[r]);
        for (int i = 0; i < 16; i++) {
          int entry = nearest((groups[g].sum(rows[r], i) - low) * inverse);
          block.memory.setAtIndex(I32, block.entryAt(r, g, i), Math.max(0, Math.min(limit, entry)));
        }
      }
    }
  }

  private static float low(Group group, float[] row) {
    float low = Float.MAX_VALUE;
    for (int i = 0; i < 16; i++) {
      low = Math.min(low, group.sum(row, i));
    }
    return low;
  }

  /** Returns what a step of the look-ups stands for. */
  private static float chooseUnits(
      HostCodec codec,
      float widest,
      float farthest,
      int groups,
      float least,
      int limit,
      Block block) {
    float step = Math.max(widest / limit, farthest / 32000f);
    step = step > 1e-12f ? step : 1;
    if (!codec.scaled()) {
      step = Math.max(step, least);
    }
    float most = farthest / step + (float) groups / 2 + 1;
    if (!codec.scaled()) {
      most += 32767 * least / step;
    }
    int shift = 0;
    while (shift < 8 && most * (2 << shift) <= 32767) {
      shift++;
    }
    if (!codec.scaled()) {
      while (shift > 0 && step / (1 << shift) < least) {
        shift--;
      }
      float scoreUnit = step / (1 << shift);
      block.units(scoreUnit * 2, scoreUnit, 16384, shift);
    } else {
      float whole = step * (1 << (15 - shift));
      float unit = Math.max(factorLimit(codec) * whole / 32767, least);
      block.units(unit, unit, whole / unit, shift);
    }
    return step;
  }

  /** Beyond it a token would have to lie farther from its centroid than any unit vector does. */
  static float factorLimit(HostCodec codec) {
    double squares = 0;
    int n = 1 << codec.nbits();
    for (int i = 0; i < n; i++) {
      double weight = codec.weights().getAtIndex(F32, i);
      squares += weight * weight;
    }
    return squares > 0 ? (float) (2 / Math.sqrt(squares / n * codec.dim())) : 1;
  }

  private static Group[] groupsOf(HostCodec codec) {
    int nbits = codec.nbits();
    float[] w = codec.weights().toArray(F32);
    Group[] groups = new Group[groups(codec.dim(), nbits)];
    for (int g = 0; g < groups.length; g++) {
      groups[g] = new Group(g * 4 / nbits, 4 / nbits, nbits, w);
    }
    return groups;
  }

  /** The sum of the look-ups of a token, less the bias. */
  static int lookUps(Block block, int row, MemorySegment residuals, long at) {
    int sum = -block.memory.getAtIndex(I32, block.biasAt(row));
    for (int g = 0; g < block.groups(); g++) {
      int nibble = (residuals.get(U8, at + g / 2) >> (g % 2 * 4)) & 15;
      sum += block.memory.getAtIndex(I32, block.entryAt(row, g, nibble));
    }
    return sum;
  }

  /** One token and row: see integer_maxsim in native/include/tartan_cpu.h. */
  static int similarity(Block block, int score, int sum, float factor, boolean scaled) {
    float x = factor * block.multiplier();
    int fixed = x > 0 ? (x < 32767 ? nearest(x) : 32767) : 0;
    int shifted = sum * (1 << block.shift());
    return scaled
        ? saturate(score + multiplyHigh(shifted, fixed))
        : multiplyHigh(saturate(score + shifted), fixed);
  }

  private static int multiplyHigh(int a, int b) {
    return (((a * b) >> 14) + 1) >> 1;
  }

  private static int saturate(int x) {
    return Math.max(-32768, Math.min(32767, x));
  }

  static int nearest(float x) {
    return (int) Math.rint(x);
  }

  static int clamp(int x, int limit) {
    return Math.max(-limit, Math.min(limit, x));
  }

  private static float finite(float x) {
    return Math.abs(x) <= 2 ? x : 0;
  }
}
