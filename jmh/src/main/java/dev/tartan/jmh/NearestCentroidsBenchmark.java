package dev.tartan.jmh;

import dev.tartan.compute.Buffer;
import dev.tartan.memory.DType;
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
 * At which rate do tokens find their centroids, which is nearly all of the time of k-means and of
 * indexing: dim 128, 8,192 centroids, one thread? An operation is a product or a sum, so that
 * operations a nanosecond are GFLOP/s.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class NearestCentroidsBenchmark extends BackendBenchmark {
  private static final int ROWS = 512;
  private static final int CENTROIDS = 8192;

  @Param({"cpu", "reference"})
  public String backend;

  private Buffer rows;
  private Buffer centroids;
  private Buffer codes;

  @Setup
  public void setUp() {
    open(backend, 1);
    Random random = new Random(42);
    rows = RandomTokens.unitRows(scope, random, ROWS);
    centroids = RandomTokens.unitRows(scope, random, CENTROIDS);
    codes = scope.allocate(DType.I32, ROWS, 1);
  }

  @Benchmark
  @OperationsPerInvocation(2 * ROWS * CENTROIDS * RandomTokens.DIM)
  public Buffer gigaflops() {
    subject.nearestCentroids(rows, centroids, codes);
    return codes;
  }
}
