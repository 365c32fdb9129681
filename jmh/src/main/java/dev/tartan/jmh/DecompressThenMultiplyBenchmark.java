package dev.tartan.jmh;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.DensePassages;
import dev.tartan.memory.DType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * What does fusing save? The work of {@link MaxSimBenchmark} the plain way: the same tokens are
 * decompressed to float32 in memory, and then scored as uncompressed ones.
 */
public class DecompressThenMultiplyBenchmark extends BackendBenchmark {
  @Param({"cpu"})
  public String backend;

  @Param({"1", "2", "4", "8"})
  public int nbits;

  private RandomTokens tokens;
  private Buffer rows;
  private DensePassages dense;
  private Candidates candidates;

  @Setup
  public void setUp() {
    open(backend, 1);
    tokens = new RandomTokens(scope, RandomTokens.PASSAGES, 256, nbits);
    rows = scope.allocate(DType.F32, RandomTokens.TOKENS, RandomTokens.DIM);
    dense = new DensePassages(tokens.passages.offsets(), rows);
    candidates = tokens.candidates();
  }

  @Benchmark
  @OperationsPerInvocation(RandomTokens.TOKENS)
  public Candidates nanosAToken() {
    subject.decompress(tokens.codec, tokens.passages, 0, rows);
    subject.maxSimDense(tokens.query, dense, candidates);
    return candidates;
  }
}
