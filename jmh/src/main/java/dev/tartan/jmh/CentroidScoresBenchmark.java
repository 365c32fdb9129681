package dev.tartan.jmh;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.QueryBatch;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * At which rate are query rows multiplied with centroids: 32 rows, dim 128, one thread? An
 * operation is a product or a sum, so that operations a nanosecond are GFLOP/s.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CentroidScoresBenchmark extends BackendBenchmark {
  private static final int FEW = 512;
  private static final int MANY = 65536;

  @Param({"cpu", "cpu-scalar", "reference"})
  public String backend;

  private QueryBatch query;
  private Buffer few;
  private CentroidScores fewScores;
  private Buffer many;
  private CentroidScores manyScores;

  @Setup
  public void setUp() {
    open(backend, 1);
    Random random = new Random(42);
    query = RandomTokens.query(scope, random);
    few = RandomTokens.unitRows(scope, random, FEW);
    fewScores = CentroidScores.allocate(scope, query, FEW);
    many = RandomTokens.unitRows(scope, random, MANY);
    manyScores = CentroidScores.allocate(scope, query, MANY);
  }

  /** 512 centroids: 256 KiB, and 64 KiB of scores. */
  @Benchmark
  @OperationsPerInvocation(FEW * RandomTokens.FLOP_A_TOKEN)
  public CentroidScores gigaflopsInCache() {
    subject.centroidScores(query, few, fewScores);
    return fewScores;
  }

  /** 65,536 centroids, those of an index of some 20 million tokens: 32 MiB, and 8 MiB of scores. */
  @Benchmark
  @OperationsPerInvocation(MANY * RandomTokens.FLOP_A_TOKEN)
  public CentroidScores gigaflopsFromMemory() {
    subject.centroidScores(query, many, manyScores);
    return manyScores;
  }
}
