package dev.tartan.search;

import dev.tartan.segment.Manifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Adds up, for every setting of a grid, what share of the exact top k the queries find with it. It
 * is told the rank that a wanted passage has in the last stage before exact scoring; so one run of
 * the cheap stages tells of all settings at once. Confined to one thread.
 */
final class RecallGrid {
  /** Points of the curve: the cheapest settings for each are stored. */
  private static final double[] RECALLS = {
    0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998,
    0.999
  };

  /** What a search costs with the nprobe of number {@code p} that keeps {@code keep} passages. */
  interface Price {
    double of(int p, int ndocs, int scored, int keep);
  }

  private static final int SCORED_STEPS = 52;
  private static final double SCORED_RATIO = 1.1;

  private final int k;
  private final int[] nprobes;
  private final int[] ndocs;
  private final int[] scored;
  private final double[][][] sums;
  private final double[][][] squares;
  private int[][][][] found = new int[0][][][];
  private int queries;
  private long wanted;

  /**
   * @param nprobes ascending
   * @param ndocs ascending
   * @param least the fewest passages that a search of k scores exactly
   * @param most the passages of the index
   */
  RecallGrid(int k, int[] nprobes, int[] ndocs, long least, long most) {
    this.k = k;
    this.nprobes = nprobes;
    this.ndocs = ndocs;
    this.scored = ladder(least, most);
    this.sums = new double[nprobes.length][ndocs.length][scored.length];
    this.squares = new double[nprobes.length][ndocs.length][scored.length];
  }

  private static int[] ladder(long least, long most) {
    double[] steps = new double[SCORED_STEPS];
    for (int i = 0; i < steps.length; i++) {
      steps[i] = Math.min((double) most, Math.ceil(least * Math.pow(SCORED_RATIO, i)));
    }
    return Arrays.stream(steps).mapToInt(step -> (int) step).distinct().toArray();
  }

  int k() {
    return k;
  }

  /** So many queries come next, numbered from 0. */
  void begin(int count) {
    found = new int[count][nprobes.length][ndocs.length][scored.length];
  }

  /** With a setting a wanted passage of a query has {@code rank} (from 1) before exact scoring. */
  void found(int query, int nprobe, int docs, int rank) {
    int at = Arrays.binarySearch(scored, rank);
    at = at < 0 ? -at - 1 : at;
    if (at < scored.length) {
      found[query][nprobe][docs][at]++;
    }
  }

  /** All of the {@code count} wanted passages of a query that any setting finds have been told. */
  void end(int query, int count) {
    queries++;
    wanted += count;
    for (int p = 0; p < nprobes.length; p++) {
      for (int d = 0; d < ndocs.length; d++) {
        int sum = 0;
        for (int s = 0; s < scored.length; s++) {
          sum += found[query][p][d][s];
          double recall = count == 0 ? 1 : (double) sum / count;
          sums[p][d][s] += recall;
          squares[p][d][s] += recall * recall;
        }
      }
    }
  }

  /** The cheapest settings for each recall that some reach, by ascending recall. */
  List<Manifest.SearchEntry> curve(Price price) {
    List<Manifest.SearchEntry> points = new ArrayList<>();
    double reached = 0;
    for (double recall : RECALLS) {
      Manifest.SearchEntry point = recall > reached ? cheapest(recall, price) : null;
      if (point != null) {
        points.add(point);
        reached = point.recall();
      }
    }
    return points;
  }

  private Manifest.@Nullable SearchEntry cheapest(double recall, Price price) {
    Manifest.SearchEntry best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int p = 0; p < nprobes.length; p++) {
      for (int d = 0; d < ndocs.length; d++) {
        for (int s = 0; s < scored.length && scored[s] <= Math.max(ndocs[d], scored[0]); s++) {
          double nanos = price.of(p, ndocs[d], scored[s], scored[0]);
          if (nanos < least && bound(p, d, s) >= recall) {
            least = nanos;
            best = new Manifest.SearchEntry(k, bound(p, d, s), nprobes[p], ndocs[d], scored[s]);
          }
        }
      }
    }
    return best;
  }

  /** The mean recall less its standard error; never more than so many wanted passages can show. */
  private double bound(int p, int d, int s) {
    double mean = sums[p][d][s] / queries;
    double variance = Math.max(0, squares[p][d][s] / queries - mean * mean);
    double bound = mean - Math.sqrt(variance / queries);
    double most = 1 - 1.0 / Math.max(1, wanted);
    return Math.clamp(bound, 0, most);
  }
}
