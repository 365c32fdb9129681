package dev.tartan.jmh;

import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.QueryBatch;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * What does a token cost a query, in integers, when 64 queries score the same passages: one after
 * the other, or in one batch? The passages and the scores of the centroids do not fit the caches.
 */
public class BatchBenchmark extends BackendBenchmark {
  private static final int QUERIES = 64;
  private static final int PASSAGES = 8192;

  @Param("cpu")
  public String backend;

  @Param({"2", "4"})
  public int nbits;

  @Param({"12", "32"})
  public int rows;

  @Param({"false", "true"})
  public boolean together;

  private RandomTokens tokens;
  private IntegerQueries[] queries;
  private Candidates[] candidates;

  @Setup
  public void setUp() {
    open(backend, 1);
    tokens = new RandomTokens(scope, PASSAGES, 8192, nbits);
    CentroidGrid grid = subject.grid(tokens.codec.centroids(), scope);
    int batches = together ? 1 : QUERIES;
    queries = new IntegerQueries[batches];
    candidates = new Candidates[batches];
    Random random = new Random(7);
    for (int b = 0; b < batches; b++) {
      int size = QUERIES / batches;
      int[] offsets = IntStream.rangeClosed(0, size).map(q -> q * rows).toArray();
      QueryBatch batch = new QueryBatch(RandomTokens.unitRows(scope, random, size * rows), offsets);
      queries[b] = subject.integerScores(batch, grid, tokens.codec, scope);
      candidates[b] = Candidates.allocate(scope, size, PASSAGES);
      fill(candidates[b]);
    }
  }

  private static void fill(Candidates all) {
    int[] numbers = IntStream.range(0, PASSAGES * all.queries()).map(i -> i % PASSAGES).toArray();
    all.passages().copyFrom(MemorySegment.ofArray(numbers));
    for (int q = 0; q < all.queries(); q++) {
      all.setCount(q, PASSAGES);
    }
  }

  @Benchmark
  @OperationsPerInvocation(QUERIES * PASSAGES * RandomTokens.DOCLEN)
  public Candidates[] nanosATokenAndQuery() {
    for (int b = 0; b < queries.length; b++) {
      subject.integerMaxSim(queries[b], tokens.codec, tokens.passages, candidates[b]);
    }
    return candidates;
  }
}
