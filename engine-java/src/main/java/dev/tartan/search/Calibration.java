package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * Finds the search settings that an index needs. The published thresholds and probe counts assume
 * the scores of one model; so pseudo-queries are searched on the index exhaustively and then with
 * settings of growing cost, until the share of the exact top k that is found is high enough.
 */
public final class Calibration {
  /** The share of the exact top k that the chosen settings find on the pseudo-queries. */
  public static final double RECALL = 0.985;

  /** How many pseudo-queries are enough. */
  public static final int QUERIES = 48;

  private static final int[] KS = {10, 100, 1000};
  private static final int PSEUDO_ROWS = 32;
  private static final long SEED = 7;

  /**
   * One step of growing cost: probes, share of centroids that pass the threshold, passages kept.
   */
  private record Rung(int nprobe, double kept, int ndocs) {}

  private static final List<Rung> RUNGS =
      List.of(
          new Rung(1, 0.03, 256),
          new Rung(2, 0.04, 512),
          new Rung(2, 0.06, 1024),
          new Rung(4, 0.08, 1024),
          new Rung(4, 0.12, 2048),
          new Rung(4, 0.25, 4096),
          new Rung(8, 0.25, 4096),
          new Rung(8, 0.5, 8192),
          new Rung(16, 1, 16384),
          new Rung(32, 1, 65536),
          new Rung(256, 1, 1 << 20));

  private final Searcher searcher;
  private final Progress progress;

  private Calibration(Searcher searcher, Progress progress) {
    this.searcher = searcher;
    this.progress = progress;
  }

  /**
   * Measures the settings for the current commit of {@code directory} and commits them with it.
   *
   * @param queries pseudo-queries or real ones; empty to take runs of tokens of random passages
   */
  public static Manifest calibrate(
      Path directory, List<Matrix> queries, Backend backend, Progress progress) {
    try (IndexDirectory writer = IndexDirectory.open(directory);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend);
        Arena arena = Arena.ofShared()) {
      Calibration calibration = new Calibration(searcher, progress);
      List<Matrix> asked = queries.isEmpty() ? calibration.pseudoQueries(arena) : queries;
      Manifest manifest = snapshot.manifest().withSearch(calibration.measure(asked));
      writer.commit(manifest);
      return manifest;
    }
  }

  private List<Manifest.SearchEntry> measure(List<Matrix> queries) {
    List<Manifest.SearchEntry> entries = new ArrayList<>();
    progress.stage("calibrating search", "queries", (long) queries.size() * KS.length);
    double[] thresholds = thresholds(queries);
    List<List<Hit>> exact =
        searcher.searchAll(queries, SearchOptions.exhaustive(KS[KS.length - 1]));
    for (int k : KS) {
      List<Set<String>> wanted =
          exact.stream().map(hits -> ids(hits.subList(0, Math.min(k, hits.size())))).toList();
      entries.add(cheapest(queries, wanted, thresholds, k));
      progress.advance(queries.size());
    }
    return entries;
  }

  private Manifest.SearchEntry cheapest(
      List<Matrix> queries, List<Set<String>> exact, double[] thresholds, int k) {
    Manifest.SearchEntry entry = null;
    for (int i = 0; i < RUNGS.size(); i++) {
      Rung rung = RUNGS.get(i);
      float threshold = (float) thresholds[i];
      int ndocs = Math.max(rung.ndocs, 4 * k);
      SearchSettings settings = new SearchSettings(rung.nprobe, threshold, ndocs, "trial");
      List<List<Hit>> found = searcher.searchAll(queries, SearchOptions.of(k, settings));
      double recall = recall(found.stream().map(Calibration::ids).toList(), exact);
      entry =
          new Manifest.SearchEntry(
              k, rung.nprobe, Float.isInfinite(threshold) ? null : threshold, ndocs, recall);
      if (recall >= RECALL) {
        break;
      }
    }
    return Objects.requireNonNull(entry);
  }

  /**
   * For each rung the centroid score that its share of the centroids reaches, the median of the
   * queries.
   */
  private double[] thresholds(List<Matrix> queries) {
    double[] thresholds = new double[RUNGS.size()];
    List<float[]> best = queries.stream().map(searcher::bestCentroidScores).toList();
    for (int i = 0; i < thresholds.length; i++) {
      double kept = RUNGS.get(i).kept;
      double[] each =
          best.stream().mapToDouble(b -> b[(int) ((1 - kept) * (b.length - 1))]).sorted().toArray();
      thresholds[i] = kept == 1 ? Double.NEGATIVE_INFINITY : each[each.length / 2];
    }
    return thresholds;
  }

  private static Set<String> ids(List<Hit> hits) {
    return hits.stream().map(Hit::id).collect(Collectors.toSet());
  }

  private static double recall(List<Set<String>> found, List<Set<String>> exact) {
    double sum = 0;
    for (int q = 0; q < exact.size(); q++) {
      Set<String> common = new HashSet<>(exact.get(q));
      common.retainAll(found.get(q));
      sum += exact.get(q).isEmpty() ? 1 : (double) common.size() / exact.get(q).size();
    }
    return sum / exact.size();
  }

  /**
   * Runs of tokens of random passages. A token finds itself in the index, which no token of a real
   * query does; so each is mixed with a token of another passage, two parts to one.
   */
  private List<Matrix> pseudoQueries(Arena arena) {
    SplittableRandom random = new SplittableRandom(SEED);
    List<Matrix> queries = new ArrayList<>();
    for (int attempt = 0; queries.size() < QUERIES && attempt < 20 * QUERIES; attempt++) {
      Matrix tokens = randomPassage(random, arena);
      Matrix others = randomPassage(random, arena);
      if (tokens.rows() > 0 && others.rows() > 0) {
        queries.add(mixed(tokens, others, random, arena));
      }
    }
    return queries;
  }

  private Matrix randomPassage(SplittableRandom random, Arena arena) {
    List<Segment> segments = searcher.snapshot().segments();
    Segment segment = segments.get(random.nextInt(segments.size()));
    return searcher.tokens(segment, random.nextInt(segment.passages()), arena);
  }

  private static Matrix mixed(Matrix tokens, Matrix others, SplittableRandom random, Arena arena) {
    int rows = (int) Math.min(PSEUDO_ROWS, tokens.rows());
    Matrix query = Matrix.allocate(arena, rows, tokens.dim());
    long first = random.nextLong(tokens.rows() - rows + 1);
    for (int r = 0; r < rows; r++) {
      long other = random.nextLong(others.rows());
      for (int d = 0; d < query.dim(); d++) {
        query.set(r, d, 2 * tokens.get(first + r, d) + others.get(other, d));
      }
    }
    query.normalizeRows("the pseudo-query", 0);
    return query;
  }
}
