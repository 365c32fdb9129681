package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;

import dev.tartan.compute.host.HostKernels.HostCodec;
import dev.tartan.compute.reference.IntegerReference.Block;
import java.lang.foreign.MemorySegment;

/**
 * Queries in integers for codes of 3, 4 and 8 bits, whose tokens are dot products of quantised
 * weights with quantised rows: see tartan_quantise_query in native/include/tartan_cpu.h.
 */
final class DotReference {
  /** Weights of a block, unused ones included: those of the high six bits at 8 bits. */
  static final int WEIGHTS = 64;

  private static final int ROW_LIMIT = 127;
  private static final int HALF_LIMIT = 511;
  private static final int WEIGHT_LIMIT = 63;

  private DotReference() {}

  /** Fills weights and rows and chooses the units. */
  static void quantise(float[][] rows, HostCodec codec, float least, Block block) {
    float multiplier = codec.scaled() ? 32767 / IntegerReference.factorLimit(codec) : 16384;
    float finest = codec.scaled() ? least * multiplier * (1f / 32768) : 2 * least;
    float steps = steps(rows);
    for (int r = 0; r < rows.length; r++) {
      for (int d = 0; d < rows[r].length; d++) {
        int value = IntegerReference.nearest(rows[r][d] * steps);
        block.memory().setAtIndex(I32, block.dotValueAt(r, d), value);
      }
    }
    float[] weights = weights(codec);
    float largest = 0;
    for (float weight : weights) {
      largest = Math.max(largest, Math.abs(weight));
    }
    float weightSteps = largest > 1e-18f ? WEIGHT_LIMIT / largest : 1;
    weightSteps = Math.min(weightSteps, 2 / (steps * finest));
    for (int i = 0; i < weights.length; i++) {
      int weight = IntegerReference.nearest(weights[i] * weightSteps);
      block.memory().setAtIndex(I32, block.weightAt(i), weight);
    }
    float step = 2 / (steps * weightSteps);
    float unit = codec.scaled() ? step * (32768 / multiplier) : step * 2;
    block.units(unit, codec.scaled() ? unit : step, multiplier, 0);
  }

  /** Those of the codec, or the means of the four that share the high six bits of a code. */
  private static float[] weights(HostCodec codec) {
    int shared = codec.nbits() == 8 ? 4 : 1;
    float[] weights = new float[(1 << codec.nbits()) / shared];
    for (int i = 0; i < weights.length; i++) {
      float sum = 0;
      for (int k = 0; k < shared; k++) {
        float weight = codec.weights().getAtIndex(F32, i * shared + k);
        sum += Math.abs(weight) <= 1e18f ? weight : 0;
      }
      weights[i] = shared == 4 ? sum * 0.25f : sum;
    }
    return weights;
  }

  /** The greatest steps of a unit at which all rows fit their integers. */
  private static float steps(float[][] rows) {
    float largest = 0;
    for (float[] row : rows) {
      for (float x : row) {
        largest = Math.max(largest, Math.abs(x));
      }
    }
    float half = greatestHalf(rows, 1, false);
    float steps = largest > 1e-18f ? ROW_LIMIT / largest : 1;
    if (steps * half > HALF_LIMIT) {
      steps = HALF_LIMIT / half;
    }
    for (float sum = greatestHalf(rows, steps, true);
        sum > HALF_LIMIT;
        sum = greatestHalf(rows, steps, true)) {
      steps *= HALF_LIMIT / (sum + 1);
    }
    return steps;
  }

  /** The greatest sum of magnitudes over dimensions 0, 1 of every four of a row, or over 2, 3. */
  private static float greatestHalf(float[][] rows, float steps, boolean rounded) {
    float greatest = 0;
    for (float[] row : rows) {
      float[] half = new float[2];
      for (int d = 0; d < row.length; d++) {
        float x = Math.abs(row[d] * steps);
        half[(d >> 1) & 1] += rounded ? (float) Math.rint(x) : x;
      }
      greatest = Math.max(greatest, Math.max(half[0], half[1]));
    }
    return greatest;
  }

  /** Half the dot product of a token's weights with a row. */
  static int dot(Block block, int row, HostCodec codec, MemorySegment residual) {
    int sum = 0;
    for (int d = 0; d < block.dim(); d++) {
      int bucket = ReferenceKernels.bucket(codec.nbits(), residual, d);
      int weight =
          block.memory().getAtIndex(I32, block.weightAt(codec.nbits() == 8 ? bucket >> 2 : bucket));
      sum += weight * block.memory().getAtIndex(I32, block.dotValueAt(row, d));
    }
    return sum >> 1;
  }
}
