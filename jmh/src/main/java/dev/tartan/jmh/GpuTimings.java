package dev.tartan.jmh;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * What one backend takes for the operations that a device is for: 32 query rows, dim 128, seeded
 * data. A call is timed with a wait for its end, as the launch of a search would be.
 */
final class GpuTimings {
  private static final int NBITS = 2;
  private static final int SHORTEST = 200;
  private static final int LONGEST = 512;
  private static final int TOP = 10;
  private static final int WARM_UP = 3;

  /**
   * How much is done.
   *
   * @param passages stored: so many that a device's caches do not hold them
   * @param candidates of one query, each set of them other ones
   * @param centroids of the compressed passages
   * @param multiplied centroids of centroidScores
   * @param dense passages without compression
   * @param calls timed
   * @param queries searched
   */
  record Sizes(
      int passages,
      int candidates,
      int centroids,
      int multiplied,
      int dense,
      int calls,
      int queries) {
    static final Sizes WHOLE = new Sizes(16_384, 4000, 16_384, 65_536, 2048, 20, 128);

    /** For a device that the processor plays. */
    static final Sizes SMALL = new Sizes(8, 4, 64, 64, 2, 2, 1);
  }

  /**
   * One operation.
   *
   * @param nanos the middle of the calls
   * @param least of the calls
   * @param tokens of passages; 0 if the operation has none
   * @param bytes stored for these
   * @param operations products and sums
   * @param tensor whether the matrix units do them
   */
  record Timing(
      String what,
      double nanos,
      double least,
      long tokens,
      long bytes,
      double operations,
      boolean tensor) {}

  private final Backend backend;
  private final Sizes sizes;
  private final List<Timing> timings = new ArrayList<>();

  private GpuTimings(Backend backend, Sizes sizes) {
    this.backend = backend;
    this.sizes = sizes;
  }

  static List<Timing> of(Backend backend, Sizes sizes) throws IOException {
    GpuTimings all = new GpuTimings(backend, sizes);
    all.compressed();
    all.dense();
    all.centroidScores();
    all.searches();
    return all.timings;
  }

  private void compressed() {
    try (Scope scope = backend.openScope()) {
      int[] doclens = doclens(sizes.passages);
      RandomTokens data =
          new RandomTokens(scope, doclens, sizes.centroids, NBITS, CodecTables.Form.SCALED);
      backend.centroidScores(data.query, data.codec.centroids(), data.scores);
      int bytesOfToken =
          data.passages.residuals().columns()
              + 2 * Short.BYTES; // code and factor, as in the passages
      Candidates all = Candidates.allocate(scope, 1, sizes.passages);
      choose(all, IntStream.range(0, sizes.passages).toArray());
      long tokens = IntStream.of(doclens).asLongStream().sum();
      time(
          "maxSim, 2 bits, %,d passages".formatted(sizes.passages),
          call -> {
            backend.maxSim(data.query, data.scores, data.codec, data.passages, all);
            await(all);
          },
          tokens,
          bytesOfToken);
      candidates(scope, data, doclens, bytesOfToken);
    }
  }

  /** Another part of the passages each time, in random order. */
  private void candidates(Scope scope, RandomTokens data, int[] doclens, int bytesOfToken) {
    int[] shuffled = shuffled(sizes.passages);
    int sets = sizes.passages / sizes.candidates;
    Candidates some = Candidates.allocate(scope, 1, sizes.candidates);
    long tokens = 0;
    for (int i = 0; i < sets * sizes.candidates; i++) {
      tokens += doclens[shuffled[i]];
    }
    time(
        "maxSim, 2 bits, %,d candidates of %d to %d tokens"
            .formatted(sizes.candidates, SHORTEST, LONGEST),
        call -> {
          int first = call % sets * sizes.candidates;
          choose(some, Arrays.copyOfRange(shuffled, first, first + sizes.candidates));
          backend.maxSim(data.query, data.scores, data.codec, data.passages, some);
          await(some);
        },
        tokens / sets,
        bytesOfToken);
  }

  private void dense() {
    try (Scope scope = backend.openScope()) {
      int[] doclens = doclens(sizes.dense);
      int tokens = IntStream.of(doclens).sum();
      Buffer rows = scope.allocate(DType.F16, tokens, RandomTokens.DIM);
      rows.copyFrom(halves(tokens));
      DensePassages passages = new DensePassages(RandomTokens.offsets(scope, doclens), rows);
      QueryBatch query = RandomTokens.query(scope, new Random(1));
      Candidates all = Candidates.allocate(scope, 1, sizes.dense);
      choose(all, IntStream.range(0, sizes.dense).toArray());
      time(
          "maxSimDense, float16, %,d passages".formatted(sizes.dense),
          call -> {
            backend.maxSimDense(query, passages, all);
            await(all);
          },
          tokens,
          RandomTokens.DIM * Short.BYTES);
    }
  }

  /** Values between -1/4 and 1/4. */
  private static MemorySegment halves(int tokens) {
    Random random = new Random(2);
    short[] values = new short[tokens * RandomTokens.DIM];
    for (int i = 0; i < values.length; i++) {
      float value = (random.nextInt(1 << 10) - (1 << 9)) / 2048f;
      values[i] = Float.floatToFloat16(value);
    }
    return MemorySegment.ofArray(values);
  }

  private void centroidScores() {
    try (Scope scope = backend.openScope()) {
      Random random = new Random(3);
      QueryBatch query = RandomTokens.query(scope, random);
      Buffer centroids = RandomTokens.unitRows(scope, random, sizes.multiplied);
      CentroidScores scores = CentroidScores.allocate(scope, query, sizes.multiplied);
      MemorySegment one = MemorySegment.ofArray(new float[sizes.multiplied]);
      double[] nanos =
          nanos(
              call -> {
                backend.centroidScores(query, centroids, scores);
                scores.best().copyRowsTo(0, 1, one);
              });
      double operations = (double) sizes.multiplied * RandomTokens.FLOP_A_TOKEN;
      timings.add(
          new Timing(
              "centroidScores, %,d centroids".formatted(sizes.multiplied),
              middle(nanos),
              nanos[0],
              0,
              0,
              operations,
              false));
    }
  }

  private void searches() throws IOException {
    try (Arena arena = Arena.ofShared();
        Snapshot snapshot = Snapshot.open(new ClusteredCorpus(NBITS).index());
        Searcher searcher = new Searcher(snapshot, backend)) {
      List<Matrix> queries = new ClusteredCorpus(NBITS).queries(arena).subList(0, sizes.queries);
      SearchOptions options = SearchOptions.top(TOP);
      String corpus = " in %,d passages, k %d".formatted(ClusteredCorpus.PASSAGES, TOP);
      double[] one = nanos(call -> searcher.search(queries.get(call % queries.size()), options));
      timings.add(new Timing("a search" + corpus, middle(one), one[0], 0, 0, 0, false));
      double[] all = nanos(call -> searcher.searchAll(queries, options));
      timings.add(
          new Timing(
              "%d searches at once%s".formatted(queries.size(), corpus),
              middle(all),
              all[0],
              0,
              0,
              0,
              false));
    }
  }

  private void time(String what, Call call, long tokens, int bytesOfToken) {
    double[] nanos = nanos(call);
    timings.add(
        new Timing(
            what,
            middle(nanos),
            nanos[0],
            tokens,
            tokens * bytesOfToken,
            (double) tokens * RandomTokens.FLOP_A_TOKEN,
            true));
  }

  private interface Call {
    void make(int number);
  }

  /** Of the calls, ascending. */
  private double[] nanos(Call call) {
    double[] nanos = new double[sizes.calls];
    for (int i = 0; i < Math.min(WARM_UP, sizes.calls); i++) {
      call.make(i);
    }
    for (int i = 0; i < sizes.calls; i++) {
      long start = System.nanoTime();
      call.make(i);
      nanos[i] = System.nanoTime() - start;
    }
    Arrays.sort(nanos);
    return nanos;
  }

  private static double middle(double[] ascending) {
    return ascending[ascending.length / 2];
  }

  private static int[] doclens(int passages) {
    return new Random(4).ints(passages, SHORTEST, LONGEST + 1).toArray();
  }

  private static int[] shuffled(int passages) {
    List<Integer> all = new ArrayList<>(IntStream.range(0, passages).boxed().toList());
    java.util.Collections.shuffle(all, new Random(5));
    return all.stream().mapToInt(Integer::intValue).toArray();
  }

  private static void choose(Candidates candidates, int[] passages) {
    candidates.passages().copyRowsFrom(MemorySegment.ofArray(passages));
    candidates.setCount(0, passages.length);
  }

  /** A score on the host tells that all are computed. */
  private static void await(Candidates candidates) {
    candidates.scores().copyRowsTo(0, 1, MemorySegment.ofArray(new float[1]));
  }
}
