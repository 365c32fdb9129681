package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.U8;

import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.host.HostKernels.HostCodec;
import java.lang.foreign.MemorySegment;

/**
 * {@link dev.tartan.compute.Backend#compress} of one row. All backends give the same bits, so the
 * order of every sum is part of the meaning: each of eight lanes sums every eighth dimension.
 */
final class ReferenceCompression {
  private static final int LANES = 8;
  private static final int REFINEMENTS = 2;
  private static final float MIN_NORM = 1e-12f;

  private ReferenceCompression() {}

  /** Writes the packed bucket numbers over zeros; returns the factor. */
  static float compress(
      HostCodec codec, MemorySegment row, MemorySegment centroid, MemorySegment packed) {
    float[] residual = new float[codec.dim()];
    for (int d = 0; d < residual.length; d++) {
      residual[d] = row.getAtIndex(F32, d) - centroid.getAtIndex(F32, d);
    }
    if (codec.form() == Form.UNIT) {
      int[] buckets = buckets(codec, residual, 1);
      pack(codec, buckets, packed);
      return unitFactor(centroid, weights(codec, buckets));
    }
    float squares = dot(residual, residual);
    float inverse = squares > 0 ? (float) Math.sqrt(residual.length / squares) : 0;
    int refinements = codec.nbits() > 1 && codec.nbits() < 8 ? REFINEMENTS : 0;
    for (int i = 0; i < refinements; i++) {
      float[] weights = weights(codec, buckets(codec, residual, inverse));
      float length = dot(weights, weights);
      float factor = length > 0 ? dot(residual, weights) / length : 0;
      float twice = 2 * factor * inverse - 1;
      inverse = twice > 0 ? inverse / twice : inverse;
    }
    int[] buckets = buckets(codec, residual, inverse);
    pack(codec, buckets, packed);
    float[] weights = weights(codec, buckets);
    float length = dot(weights, weights);
    return length > 0 ? (float) Math.sqrt(squares / length) : 0;
  }

  private static int[] buckets(HostCodec codec, float[] residual, float inverse) {
    int[] buckets = new int[residual.length];
    for (int d = 0; d < residual.length; d++) {
      buckets[d] = bucket(codec, residual[d] * inverse);
    }
    return buckets;
  }

  private static float[] weights(HostCodec codec, int[] buckets) {
    float[] weights = new float[buckets.length];
    for (int d = 0; d < buckets.length; d++) {
      weights[d] = codec.weights().getAtIndex(F32, buckets[d]);
    }
    return weights;
  }

  /** A stream of bits, the lowest of a number and of a byte first. */
  private static void pack(HostCodec codec, int[] buckets, MemorySegment packed) {
    for (int d = 0; d < buckets.length; d++) {
      for (int b = 0; b < codec.nbits(); b++) {
        int bit = d * codec.nbits() + b;
        int set = (buckets[d] >> b & 1) << bit % 8;
        packed.set(U8, bit / 8, (byte) (packed.get(U8, bit / 8) | set));
      }
    }
  }

  /** The number of cutoffs strictly below a value. */
  private static int bucket(HostCodec codec, float value) {
    int bucket = 0;
    for (int k = 0; k < (1 << codec.nbits()) - 1; k++) {
      bucket += codec.cutoffs().getAtIndex(F32, k) < value ? 1 : 0;
    }
    return bucket;
  }

  private static float unitFactor(MemorySegment centroid, float[] weights) {
    float[] sum = new float[weights.length];
    for (int d = 0; d < sum.length; d++) {
      sum[d] = weights[d] + centroid.getAtIndex(F32, d);
    }
    float norm = (float) Math.sqrt(dot(sum, sum));
    return 1 / (norm > MIN_NORM ? norm : MIN_NORM);
  }

  private static float dot(float[] a, float[] b) {
    float[] lanes = new float[LANES];
    for (int d = 0; d < a.length; d++) {
      lanes[d % LANES] += a[d] * b[d];
    }
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
        + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
  }
}
