package dev.tartan.codec;

import dev.tartan.memory.Layouts;
import java.lang.foreign.MemorySegment;

/** Bucket cutoffs and weights from sampled values, in one order of summation. */
final class BucketTrainer {
  private static final int ITERATIONS = 100;
  private static final int BINS = 1 << 12;

  private BucketTrainer() {}

  /**
   * Fills {@code target} with quantiles of ascending {@code values}: with cutoffs (n of them, shift
   * 0) at (i + 1) / (n + 1), with weights (n of them, shift 1/2) at (i + 1/2) / n; linear
   * interpolation at q * (count - 1).
   */
  static void quantiles(float[] values, double shift, MemorySegment target) {
    int n = (int) (target.byteSize() / Float.BYTES);
    for (int i = 0; i < n; i++) {
      double q = shift == 0 ? (i + 1.0) / (n + 1) : (i + shift) / n;
      double at = q * (values.length - 1);
      int below = (int) at;
      int above = Math.min(below + 1, values.length - 1);
      double value = values[below] + (at - below) * ((double) values[above] - values[below]);
      target.setAtIndex(Layouts.F32, i, (float) value);
    }
  }

  /**
   * The weights of least squared error of ascending {@code values} (Lloyd and Max), and the
   * midpoints between them as cutoffs.
   *
   * @param weights at least 2 floats, ascending when filled
   */
  static void lloydMax(float[] values, MemorySegment cutoffs, MemorySegment weights) {
    int n = (int) (weights.byteSize() / Float.BYTES);
    double[] sums = new double[values.length + 1];
    for (int i = 0; i < values.length; i++) {
      sums[i + 1] = sums[i] + values[i];
    }
    double[] at = start(values, n);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      int from = 0;
      double[] next = new double[n];
      for (int b = 0; b < n; b++) {
        int to = b + 1 < n ? firstAbove(values, (at[b] + at[b + 1]) / 2) : values.length;
        next[b] = to > from ? (sums[to] - sums[from]) / (to - from) : at[b];
        from = Math.max(from, to);
      }
      at = next;
    }
    for (int b = 0; b < n; b++) {
      weights.setAtIndex(Layouts.F32, b, (float) at[b]);
    }
    for (int b = 0; b + 1 < n; b++) {
      cutoffs.setAtIndex(Layouts.F32, b, (float) ((at[b] + at[b + 1]) / 2));
    }
  }

  /**
   * Where the best weights lie if they are many: as dense as the cube root of the values (Panter
   * and Dite). From quantiles, 256 weights would take thousands of iterations to get there.
   */
  private static double[] start(float[] values, int n) {
    double low = values.length == 0 ? -1 : values[0];
    double high = values.length == 0 ? 1 : values[values.length - 1];
    double width = (high - low) / BINS;
    double[] mass = new double[BINS + 1];
    int from = 0;
    for (int bin = 0; bin < BINS; bin++) {
      int to = bin + 1 < BINS ? firstAbove(values, low + (bin + 1) * width) : values.length;
      mass[bin + 1] = mass[bin] + StrictMath.cbrt(Math.max(0, to - from));
      from = Math.max(from, to);
    }
    double[] at = new double[n];
    int bin = 0;
    for (int b = 0; b < n; b++) {
      double wanted = (b + 0.5) / n * mass[BINS];
      while (bin + 1 < BINS && mass[bin + 1] < wanted) {
        bin++;
      }
      double inBin = mass[bin + 1] - mass[bin];
      at[b] = low + (bin + (inBin > 0 ? (wanted - mass[bin]) / inBin : 0.5)) * width;
    }
    return at;
  }

  /** The number of values that are at most {@code limit}. */
  private static int firstAbove(float[] values, double limit) {
    int low = 0;
    int high = values.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (values[middle] <= limit) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
