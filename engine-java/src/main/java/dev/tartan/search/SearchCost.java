package dev.tartan.search;

import dev.tartan.compute.IntegerQueries;
import dev.tartan.memory.Matrix;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.util.List;

/**
 * What a search costs by its settings, from counts of work and fixed prices, so that the choice of
 * settings does not depend on how busy the machine was. Prices are nanoseconds on one AVX2 core;
 * only their ratios matter. Left out is what all settings share. Confined to one thread.
 */
final class SearchCost {
  private static final double OFFER = 8;
  private static final double POSTING = 3;
  private static final double CANDIDATE = 3;
  private static final double LISTED = 20;
  private static final double APPROXIMATE_TOKEN = 2;

  /** To find a query row's best token of a passage in float, once its integers are known. */
  private static final double FLOAT_ROW = 190;

  private final int[] nprobes;
  private final double rows;
  private final double blocks;
  private final double centroids;
  private final double tokensPerPassage;
  private final double exactToken;
  private final double listLength;
  private final double[] candidates;
  private int queries;

  SearchCost(Snapshot snapshot, List<Matrix> queries, int[] nprobes) {
    this.nprobes = nprobes;
    this.rows = queries.stream().mapToLong(Matrix::rows).average().orElse(0);
    this.blocks =
        queries.stream()
            .mapToInt(q -> IntegerQueries.lanes((int) q.rows()) / IntegerQueries.LANES)
            .average()
            .orElse(1);
    this.centroids = snapshot.codec().centroids().rows();
    this.tokensPerPassage =
        (double) snapshot.manifest().tokens() / Math.max(1, snapshot.manifest().passages());
    this.exactToken = exactToken(snapshot.manifest().codec().nbits());
    this.listLength = snapshot.segments().stream().mapToDouble(SearchCost::listLength).sum();
    this.candidates = new double[nprobes.length];
  }

  /** Exact scoring of a token by 32 query rows. */
  private static double exactToken(int nbits) {
    return switch (nbits) {
      case 1 -> 10;
      case 2 -> 16;
      case 3 -> 24;
      case 4 -> 31;
      case 8 -> 35;
      default -> 100;
    };
  }

  /**
   * The mean length of a list that a token of the segment is in: queries hit long ones more often.
   */
  private static double listLength(Segment segment) {
    double sum = 0;
    double squares = 0;
    for (long length : segment.listLengths()) {
      sum += length;
      squares += (double) length * length;
    }
    return sum == 0 ? 0 : squares / sum;
  }

  /** A query has so many candidates, in all segments, at each nprobe. */
  void addQuery(long[] counts) {
    queries++;
    for (int p = 0; p < counts.length; p++) {
      candidates[p] += counts[p];
    }
  }

  /**
   * Nanoseconds of a query with {@code nprobes[p]}, {@code ndocs} and {@code scored}, of which
   * {@code keep} are kept.
   */
  double nanos(int p, int ndocs, int scored, int keep) {
    double probed = Math.min(nprobes[p], centroids);
    double all = candidates[p] / Math.max(1, queries);
    double listed = Math.min(Math.max(ndocs, scored), all);
    double exact = Math.min(scored, listed);
    double nanos = OFFER * rows * probed * (1 + Math.log(centroids / probed));
    nanos += POSTING * rows * probed * listLength + CANDIDATE * all + LISTED * listed;
    if (exact < listed) {
      nanos += APPROXIMATE_TOKEN * blocks * tokensPerPassage * listed;
    }
    boolean direct = PlaidSearch.direct((long) exact, keep);
    double rescored = direct ? exact : PlaidSearch.rescored(keep);
    double inIntegers = direct ? exact : exact + rescored;
    nanos += FLOAT_ROW * rows * rescored;
    return nanos + exactToken * blocks * tokensPerPassage * inIntegers;
  }
}
