package dev.tartan.codec;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * The factor that a segment stores for each token of a codec of kind {@code COLBERTV2}: the inverse
 * norm of centroid + weights. Computes it from codes and packed residuals that are there already,
 * and to the bit as {@link dev.tartan.compute.Backend#compress} does, so the order of every sum is
 * part of the meaning: each of eight lanes sums every eighth dimension. Confined to one thread.
 */
public final class InverseNorms {
  private static final int LANES = 8;
  private static final int BYTES = 1 << 8;
  private static final float MIN_NORM = 1e-12f;

  private final Matrix centroids;
  private final int residualBytes;

  /** Dimensions in a byte of a residual. */
  private final int inByte;

  /** For each value of such a byte the weights of its dimensions. */
  private final float[] weights;

  private final float[] sums;
  private final float[] lanes = new float[LANES];

  /**
   * For {@code codec}, whose residuals are of 1, 2, 4 or 8 bits.
   *
   * @throws IllegalArgumentException if it is of another kind, or of other bits
   */
  public InverseNorms(ResidualCodec codec) {
    if (codec.kind() != ResidualCodec.Kind.COLBERTV2 || 8 % codec.nbits() != 0) {
      throw new IllegalArgumentException(
          "%s at %d bits has no inverse norms".formatted(codec.kind().label(), codec.nbits()));
    }
    this.centroids = codec.centroids();
    this.residualBytes = codec.residualBytes();
    this.inByte = 8 / codec.nbits();
    this.weights = new float[BYTES * inByte];
    this.sums = new float[codec.dim()];
    int mask = (1 << codec.nbits()) - 1;
    for (int value = 0; value < BYTES; value++) {
      for (int i = 0; i < inByte; i++) {
        int bucket = value >> (i * codec.nbits()) & mask;
        weights[value * inByte + i] = codec.weights().getAtIndex(Layouts.F32, bucket);
      }
    }
  }

  /**
   * Computes the factors of {@code codes.length} tokens.
   *
   * @param codes the centroid of each
   * @param residuals U8 [codes.length, dim * nbits / 8] in Tartan's order of bits
   * @param factors receives float16 [codes.length]
   */
  public void compute(int[] codes, MemorySegment residuals, MemorySegment factors) {
    for (int t = 0; t < codes.length; t++) {
      float factor = factor(codes[t], residuals, (long) t * residualBytes);
      factors.setAtIndex(Layouts.U16, t, Float.floatToFloat16(factor));
    }
  }

  private float factor(int code, MemorySegment residuals, long at) {
    long centroid = (long) code * sums.length * Float.BYTES;
    MemorySegment.copy(centroids.data(), Layouts.F32, centroid, sums, 0, sums.length);
    for (int b = 0; b < residualBytes; b++) {
      int from = Byte.toUnsignedInt(residuals.get(Layouts.U8, at + b)) * inByte;
      for (int i = 0; i < inByte; i++) {
        sums[b * inByte + i] = weights[from + i] + sums[b * inByte + i];
      }
    }
    for (int lane = 0; lane < LANES; lane++) {
      float squares = 0;
      for (int d = lane; d < sums.length; d += LANES) {
        squares += sums[d] * sums[d];
      }
      lanes[lane] = squares;
    }
    float norm =
        (float)
            Math.sqrt(
                ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
                    + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])));
    return 1 / (norm > MIN_NORM ? norm : MIN_NORM);
  }
}
