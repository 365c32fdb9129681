package dev.tartan;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Exact MaxSim of token embeddings in memory. Any number of threads may score at the same time. */
final class DenseScorer implements AutoCloseable {
  /** Queries of one call of the backend; bounds its scratch. */
  private static final int QUERIES = 64;

  private final Backend backend;
  private final Scope resident;
  private final int count;

  /** Null if no passage has a token. */
  private final @Nullable DensePassages passages;

  /**
   * Takes {@code encoded} to the memory of {@code backend}.
   *
   * @param arena that {@code encoded} is in; must not close before this
   */
  DenseScorer(EncodedPassages encoded, Backend backend, Arena arena) {
    int[] doclens = encoded.doclens();
    MemorySegment offsets = arena.allocate((doclens.length + 1L) * Long.BYTES, 64);
    for (int p = 0; p < doclens.length; p++) {
      long next = offsets.getAtIndex(Layouts.I64, p) + doclens[p];
      offsets.setAtIndex(Layouts.I64, p + 1L, next);
    }
    this.backend = backend;
    this.count = doclens.length;
    this.resident = backend.openScope();
    this.passages =
        encoded.rows().rows() == 0
            ? null
            : new DensePassages(
                resident.wrap(DType.I64, 1, offsets), resident.wrap(encoded.rows()));
  }

  /** How many passages there are. */
  int passages() {
    return count;
  }

  /**
   * The scores of some passages for each query; negative infinity for a passage without tokens.
   *
   * @param wanted for each query the passages to score
   * @throws TartanException if a query has more rows than a backend takes
   */
  float[][] score(List<Matrix> queries, int[][] wanted) {
    float[][] scores = new float[wanted.length][];
    Arrays.setAll(scores, q -> new float[wanted[q].length]);
    int[] asking = IntStream.range(0, wanted.length).filter(q -> wanted[q].length > 0).toArray();
    for (int from = 0; from < asking.length; from += QUERIES) {
      int[] some = Arrays.copyOfRange(asking, from, Math.min(asking.length, from + QUERIES));
      if (passages == null) {
        Arrays.stream(some).forEach(q -> Arrays.fill(scores[q], Float.NEGATIVE_INFINITY));
      } else {
        score(some, queries, wanted, scores, passages);
      }
    }
    return scores;
  }

  private void score(
      int[] some, List<Matrix> queries, int[][] wanted, float[][] scores, DensePassages tokens) {
    try (Scope scope = backend.openScope()) {
      QueryBatch batch = batch(scope, Arrays.stream(some).mapToObj(queries::get).toList());
      int most = Arrays.stream(some).map(q -> wanted[q].length).max().orElseThrow();
      Candidates candidates = Candidates.allocate(scope, some.length, most);
      for (int i = 0; i < some.length; i++) {
        int[] numbers = wanted[some[i]];
        candidates
            .passages()
            .slice(i * candidates.capacity(), numbers.length)
            .copyFrom(MemorySegment.ofArray(numbers));
        candidates.setCount(i, numbers.length);
      }
      backend.maxSimDense(batch, tokens, candidates);
      for (int i = 0; i < some.length; i++) {
        float[] values = scores[some[i]];
        candidates
            .scores()
            .slice(i * candidates.capacity(), values.length)
            .copyTo(MemorySegment.ofArray(values));
      }
    }
  }

  private static QueryBatch batch(Scope scope, List<Matrix> queries) {
    int[] offsets = new int[queries.size() + 1];
    for (int q = 0; q < queries.size(); q++) {
      long rows = queries.get(q).rows();
      QueryBatch.requireRows(rows);
      offsets[q + 1] = offsets[q] + (int) rows;
    }
    Buffer rows = scope.allocate(DType.F32, offsets[queries.size()], queries.getFirst().dim());
    for (int q = 0; q < queries.size(); q++) {
      rows.slice(offsets[q], offsets[q + 1] - offsets[q]).copyFrom(queries.get(q).data());
    }
    return new QueryBatch(rows, offsets);
  }

  @Override
  public void close() {
    resident.close();
  }
}
