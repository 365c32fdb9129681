package dev.tartan.search;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Measures which settings an index needs for which recall: exact scores of all passages tell what
 * queries ought to find, and the ranks of those passages in the cheaper stages tell which settings
 * find them. Of all settings that reach a recall the cheapest by {@link SearchCost} are stored. The
 * same index and queries give the same curves, whatever the machine or the number of threads.
 */
public final class Calibration {
  /** The numbers of hits that curves are measured for if nothing is said. */
  public static final List<Integer> KS = List.of(10, 100, 1000);

  private static final int OWN_QUERIES = 160;
  private static final int GIVEN_QUERIES = 500;
  private static final int LEAST_QUERIES = 32;

  /** Bounds the time: with so many tokens to be scored, large indexes take fewer queries. */
  private static final long TOKENS = 8_000_000_000L;

  private static final int[] NPROBES = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128};
  private static final int MOST_LISTED = 1 << 16;

  /**
   * Of documents that score so near to the one a query was made of, no query of a user finds
   * several: they are copies of it. A share of the way from the score of the passage of rank {@link
   * #FAR}.
   */
  private static final float COPY = 0.7f;

  private static final int FAR = 2000;

  /** The best passage of a document that a query ought to find. */
  private record Wanted(long passage, long document, float score) {}

  /** Passages of all segments with their scores, each named by {@link PseudoQueries#key}. */
  private static final class Scored {
    private final List<long[]> passages = new ArrayList<>();
    private final List<float[]> scores = new ArrayList<>();

    void add(int segment, int[] numbers, float[] values) {
      passages.add(IntStream.of(numbers).mapToLong(p -> PseudoQueries.key(segment, p)).toArray());
      scores.add(values);
    }

    /** All of them, best first; ties in the order of segments and passages. */
    long[] ranked() {
      long[] all = passages.stream().flatMapToLong(LongStream::of).toArray();
      if (passages.size() == 1) {
        return all; // a segment's are ranked already
      }
      float[] values = new float[all.length];
      int n = 0;
      for (float[] part : scores) {
        System.arraycopy(part, 0, values, n, part.length);
        n += part.length;
      }
      return IntStream.range(0, all.length)
          .boxed()
          .sorted(Comparator.comparing((Integer i) -> -values[i]))
          .mapToLong(i -> all[i])
          .toArray();
    }
  }

  /** What a query ought to find, best first, and the documents that it is spared from finding. */
  private record Target(List<Wanted> wanted, Set<Long> leftOut) {}

  /** A query of the batch and the number of an nprobe. */
  private record Setting(int query, int nprobe) {}

  private final Searcher searcher;
  private final List<Segment> segments;
  private final PseudoQueries queries;
  private final int[] nprobes;
  private final int[] ndocs;
  private final List<RecallGrid> grids;
  private final SearchCost cost;
  private final RankCounter counter = new RankCounter();

  private Calibration(Searcher searcher, PseudoQueries queries, List<Integer> ks) {
    this.searcher = searcher;
    this.segments = searcher.snapshot().segments();
    this.queries = queries;
    long centroids = searcher.snapshot().codec().centroids().rows();
    this.nprobes =
        IntStream.of(NPROBES).map(n -> (int) Math.min(n, centroids)).distinct().toArray();
    long passages = Math.max(1, segments.stream().mapToLong(Segment::passages).sum());
    this.ndocs = ndocs((int) Math.min(passages, MOST_LISTED));
    this.grids =
        ks.stream()
            .map(k -> new RecallGrid(k, nprobes, ndocs, searcher.keep(k), passages))
            .toList();
    this.cost = new SearchCost(searcher.snapshot(), queries.rows(), nprobes);
  }

  /** From 16 on by the root of 2, up to {@code most}. */
  private static int[] ndocs(int most) {
    return IntStream.range(8, 40)
        .map(i -> (int) Math.min(most, Math.round(Math.pow(2, i * 0.5))))
        .distinct()
        .toArray();
  }

  /**
   * Measures the curves of the current commit of {@code directory} and commits them with it.
   *
   * @param given queries like those to come; empty to make some of the index's own passages
   * @param ks numbers of hits to measure for, at least 1 each
   */
  public static Manifest calibrate(
      Path directory, List<Matrix> given, List<Integer> ks, Backend backend, Progress progress) {
    try (IndexDirectory writer = IndexDirectory.open(directory);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend);
        Arena arena = Arena.ofShared()) {
      Manifest manifest =
          snapshot.manifest().withSearch(curves(searcher, given, ks, progress, arena));
      writer.commit(manifest);
      return manifest;
    }
  }

  private static List<Manifest.SearchEntry> curves(
      Searcher searcher, List<Matrix> given, List<Integer> ks, Progress progress, Arena arena) {
    long affordable = TOKENS / Math.max(1, searcher.snapshot().manifest().tokens());
    int most = Math.clamp(affordable, LEAST_QUERIES, given.isEmpty() ? OWN_QUERIES : GIVEN_QUERIES);
    PseudoQueries queries =
        given.isEmpty()
            ? PseudoQueries.of(searcher, most, arena)
            : PseudoQueries.given(spread(given, most));
    List<Integer> ascending = ks.stream().distinct().sorted().toList();
    Calibration calibration = new Calibration(searcher, queries, ascending);
    progress.stage("calibrating search", "queries", queries.rows().size());
    searcher.inBatches(
        queries.rows(),
        (first, batch) -> {
          calibration.measure(first, batch);
          progress.advance(batch.getFirst().rankings.length);
        });
    return queries.rows().isEmpty()
        ? List.of()
        : calibration.grids.stream()
            .flatMap(g -> g.curve(calibration.cost::nanos).stream())
            .toList();
  }

  /** At most {@code most} of {@code all}, evenly. */
  private static List<Matrix> spread(List<Matrix> all, int most) {
    int n = Math.min(most, all.size());
    return IntStream.range(0, n).mapToObj(i -> all.get((int) ((long) i * all.size() / n))).toList();
  }

  private void measure(int first, List<Workspace> batch) {
    List<Target> targets = targets(first, batch);
    long[][] candidates = new long[targets.size()][nprobes.length];
    grids.forEach(grid -> grid.begin(targets.size()));
    List<int[][]> buckets = buckets(batch);
    for (int p = 0; p < nprobes.length; p++) {
      List<long[]> listed = listed(batch, p, candidates);
      for (int q = 0; q < listed.size(); q++) {
        Target target = targets.get(q);
        ranks(new Setting(q, p), without(target.leftOut(), listed.get(q)), buckets.get(q), target);
      }
    }
    for (int q = 0; q < targets.size(); q++) {
      cost.addQuery(candidates[q]);
      int wanted = targets.get(q).wanted().size();
      for (RecallGrid grid : grids) {
        grid.end(q, Math.min(grid.k(), wanted));
      }
    }
  }

  private List<Target> targets(int first, List<Workspace> batch) {
    int most = grids.getLast().k();
    int withCopies = Math.clamp(2L * most, FAR, Integer.MAX_VALUE);
    List<List<Wanted>> all = new ArrayList<>();
    for (int q = 0; q < batch.getFirst().rankings.length; q++) {
      all.add(new ArrayList<>());
    }
    for (int s = 0; s < segments.size(); s++) {
      int number = s;
      searcher.inScope(
          batch,
          s,
          (plaid, queries, segment) -> {
            plaid.all(all.size());
            plaid.exact(queries, searcher.keep(withCopies));
            Candidates best = segment.best(searcher.keep(withCopies));
            for (int q = 0; q < all.size(); q++) {
              add(all.get(q), number, passages(best, q), scores(best, q));
            }
          });
    }
    return IntStream.range(0, all.size())
        .mapToObj(q -> target(all.get(q), queries.sources().get(first + q), most))
        .toList();
  }

  /** The best {@code most} documents of {@code scored}, but for {@code source} and its copies. */
  private static Target target(List<Wanted> scored, long source, int most) {
    scored.sort(Comparator.comparing((Wanted w) -> -w.score()));
    Set<Long> leftOut = copies(scored, source);
    Set<Long> documents = new HashSet<>(leftOut);
    return new Target(
        scored.stream().filter(w -> documents.add(w.document())).limit(most).toList(), leftOut);
  }

  private static Set<Long> copies(List<Wanted> scored, long source) {
    Set<Long> copies = new HashSet<>(Set.of(source));
    scored.stream()
        .filter(w -> w.document() == source)
        .findFirst()
        .ifPresent(
            own -> {
              float far = scored.get(Math.min(scored.size(), FAR) - 1).score();
              float near = far + COPY * (own.score() - far);
              scored.stream().filter(w -> w.score() > near).forEach(w -> copies.add(w.document()));
            });
    return copies;
  }

  private void add(List<Wanted> wanted, int segment, int[] passages, float[] scores) {
    for (int i = 0; i < passages.length && scores[i] > Float.NEGATIVE_INFINITY; i++) {
      long passage = PseudoQueries.key(segment, passages[i]);
      wanted.add(new Wanted(passage, document(passage), scores[i]));
    }
  }

  private long document(long passage) {
    int segment = (int) (passage >> 32);
    return PseudoQueries.key(segment, segments.get(segment).document((int) passage));
  }

  /** For each query, and each segment's passages, where their approximate scores stand. */
  private List<int[][]> buckets(List<Workspace> batch) {
    int queryCount = batch.getFirst().rankings.length;
    float[][][] approximate = new float[queryCount][segments.size()][];
    for (int s = 0; s < segments.size(); s++) {
      int number = s;
      searcher.inScope(
          batch,
          s,
          (_, queries, segment) -> {
            Candidates all = segment.approximate(queries);
            for (int q = 0; q < queryCount; q++) {
              approximate[q][number] = scores(all, q);
            }
          });
    }
    return Stream.of(approximate).map(RankCounter::buckets).toList();
  }

  /** For each query the candidates of {@code nprobes[p]}, best first by what the lists tell. */
  private List<long[]> listed(List<Workspace> batch, int p, long[][] counts) {
    List<Scored> found = Stream.of(counts).map(_ -> new Scored()).toList();
    for (int s = 0; s < segments.size(); s++) {
      int number = s;
      searcher.inScope(
          batch,
          s,
          (_, queries, segment) -> {
            segment.list(queries, nprobes[p]);
            for (int q = 0; q < counts.length; q++) {
              counts[q][p] += segment.found().count(q);
            }
            Candidates best = segment.best(ndocs[ndocs.length - 1]);
            for (int q = 0; q < counts.length; q++) {
              found.get(q).add(number, passages(best, q), scores(best, q));
            }
          });
    }
    return found.stream().map(Scored::ranked).toList();
  }

  private long[] without(Set<Long> documents, long[] passages) {
    return LongStream.of(passages).filter(p -> !documents.contains(document(p))).toArray();
  }

  /**
   * Lets candidates in one by one and tells the grids, at each number of them that a setting keeps,
   * how the wanted ones among them rank.
   */
  private void ranks(Setting setting, long[] order, int[][] buckets, Target target) {
    Map<Long, Integer> places = new HashMap<>();
    for (Wanted wanted : target.wanted()) {
      places.put(wanted.passage(), places.size());
    }
    counter.clear();
    List<int[]> in = new ArrayList<>(); // place and bucket
    int next = 0;
    for (int d = 0; d < ndocs.length; d++) {
      for (; next < Math.min(order.length, ndocs[d]); next++) {
        long passage = order[next];
        int bucket = buckets[(int) (passage >> 32)][(int) passage];
        counter.add(bucket);
        Integer place = places.get(passage);
        if (place != null) {
          in.add(new int[] {place, bucket});
        }
      }
      for (int[] entry : in) {
        int rank = counter.rank(entry[1]);
        for (RecallGrid grid : grids) {
          if (entry[0] < grid.k()) {
            grid.found(setting.query(), setting.nprobe(), d, rank);
          }
        }
      }
    }
  }

  private static int[] passages(Candidates candidates, int query) {
    return copy(candidates, candidates.passages(), query).toArray(Layouts.I32);
  }

  private static float[] scores(Candidates candidates, int query) {
    return copy(candidates, candidates.scores(), query).toArray(Layouts.F32);
  }

  private static MemorySegment copy(Candidates candidates, Buffer part, int query) {
    long n = candidates.count(query);
    MemorySegment copy = MemorySegment.ofArray(new int[Math.toIntExact(n)]);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment off = arena.allocate(n * Integer.BYTES, 4);
      part.slice(query * candidates.capacity(), n).copyTo(off);
      copy.copyFrom(off);
    }
    return copy;
  }
}
