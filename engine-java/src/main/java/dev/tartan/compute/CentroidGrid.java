package dev.tartan.compute;

/**
 * The centroids of a codec in 8-bit integers, for {@link Backend#integerScores}.
 *
 * @param values U8 [K, dim]: 128 + round(steps * centroid)
 * @param steps integer steps a unit
 * @param reach the greatest length, in steps, of dimensions 0 and 1 of every four of a centroid, or
 *     of dimensions 2 and 3: what bounds 16-bit sums
 */
public record CentroidGrid(Buffer values, float steps, float reach) {
  public int dim() {
    return values.columns();
  }
}
