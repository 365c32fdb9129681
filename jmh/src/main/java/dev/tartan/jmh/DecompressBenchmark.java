package dev.tartan.jmh;

import dev.tartan.compute.Buffer;
import dev.tartan.memory.DType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * How long does it take to reconstruct one token of dim 128 as float32, on one thread, in cache?
 */
public class DecompressBenchmark extends BackendBenchmark {
  @Param({"cpu", "reference"})
  public String backend;

  @Param({"1", "2", "4", "8"})
  public int nbits;

  private RandomTokens tokens;
  private Buffer rows;

  @Setup
  public void setUp() {
    open(backend, 1);
    tokens = new RandomTokens(scope, RandomTokens.PASSAGES, 256, nbits);
    rows = scope.allocate(DType.F32, RandomTokens.TOKENS, RandomTokens.DIM);
  }

  @Benchmark
  @OperationsPerInvocation(RandomTokens.TOKENS)
  public Buffer nanosAToken() {
    subject.decompress(tokens.codec, tokens.passages, 0, rows);
    return rows;
  }
}
