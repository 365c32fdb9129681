package dev.tartan.jmh;

import dev.tartan.compute.Candidates;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * How long does it take to score one compressed token exactly: 32 query rows, dim 128, one thread?
 * {@code data=cache} scores the same 16 passages again and again, all within 512 KiB; {@code
 * data=memory} scores 16 passages anywhere in a million tokens with 16,384 centroids, as a search
 * does.
 */
public class MaxSimBenchmark extends BackendBenchmark {
  private static final int MANY_PASSAGES = 1 << 14;
  private static final int SETS = 1024;

  @Param({"cpu", "cpu-scalar", "reference"})
  public String backend;

  @Param({"1", "2", "4", "8"})
  public int nbits;

  @Param("cache")
  public String data;

  private RandomTokens tokens;
  private Candidates candidates;
  private MemorySegment[] scattered;
  private int next;

  @Setup
  public void setUp() {
    open(backend, 1);
    boolean cache = data.equals("cache");
    tokens =
        new RandomTokens(
            scope, cache ? RandomTokens.PASSAGES : MANY_PASSAGES, cache ? 256 : 16384, nbits);
    subject.centroidScores(tokens.query, tokens.codec.centroids(), tokens.scores);
    candidates = tokens.candidates();
    scattered = cache ? new MemorySegment[0] : tokens.scattered(SETS);
  }

  @Benchmark
  @OperationsPerInvocation(RandomTokens.TOKENS)
  public Candidates nanosAToken() {
    if (scattered.length > 0) {
      candidates.passages().copyFrom(scattered[next]);
      next = (next + 1) % SETS;
    }
    subject.maxSim(tokens.query, tokens.scores, tokens.codec, tokens.passages, candidates);
    return candidates;
  }
}
