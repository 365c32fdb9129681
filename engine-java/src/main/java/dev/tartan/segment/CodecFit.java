package dev.tartan.segment;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * How near token embeddings are to their centroids, taken while they are compressed. What was added
 * since a codec was trained tells by it whether the codec still fits. Confined to one thread.
 */
public final class CodecFit {
  /** The share of the tokens that a codec was trained for which count as near. */
  public static final double WITHIN = 0.95;

  private static final int BINS = 4096;
  private static final double MOST = 4; // the squared distance of opposite rows of unit length

  private final long[] bins = new long[BINS];
  private double sum;
  private long tokens;

  /**
   * Takes rows with their codes.
   *
   * @param rows [n, dim] of unit length
   * @param codes I32 [n]
   * @param directions [K, dim] of unit length, to which the codes belong
   */
  void add(Matrix rows, MemorySegment codes, Matrix directions) {
    MemorySegment a = rows.data();
    MemorySegment b = directions.data();
    int dim = rows.dim();
    for (long r = 0; r < rows.rows(); r++) {
      long from = r * dim;
      long to = codes.getAtIndex(Layouts.I32, r) * (long) dim;
      float dot = 0;
      for (int d = 0; d < dim; d++) {
        dot += a.getAtIndex(Layouts.F32, from + d) * b.getAtIndex(Layouts.F32, to + d);
      }
      double distance = Math.clamp(2 - 2.0 * dot, 0, MOST);
      bins[Math.min(BINS - 1, (int) (distance / MOST * BINS))]++;
      sum += distance;
    }
    tokens += rows.rows();
  }

  /** What the tokens say of the codec that was trained for them. At least one was taken. */
  Manifest.Training training() {
    long within = 0;
    int bin = 0;
    while (bin < BINS && within < WITHIN * tokens) {
      within += bins[bin++];
    }
    return new Manifest.Training(sum / tokens, bin * MOST / BINS);
  }

  /** What they say of a codec whose training is known. At least one was taken. */
  Manifest.Fit fit(Manifest.Training known) {
    long beyond = 0;
    for (int bin = (int) Math.round(known.bound() / MOST * BINS); bin < BINS; bin++) {
      beyond += bins[bin];
    }
    return new Manifest.Fit(sum / tokens, (double) beyond / tokens);
  }

  boolean measured() {
    return tokens > 0;
  }
}
