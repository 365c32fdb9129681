package dev.tartan.jmh;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Scores all passages of a collection with what a codec makes of them, a chunk at a time. */
final class CodecTrial {
  private static final int DEPTH = 100;
  private static final long CHUNK = 1 << 16; // tokens, if no passage has more

  private final NpyEmbeddings source;
  private final List<Matrix> queries;
  private final Backend backend;

  CodecTrial(NpyEmbeddings source, List<Matrix> queries, Backend backend) {
    this.source = source;
    this.queries = queries;
    this.backend = backend;
  }

  /**
   * What came of one codec.
   *
   * @param error mean squared distance of a token embedding to what it became
   * @param cosine mean cosine of the two
   * @param best the passages of the greatest MaxSim of each query, best first
   */
  record Outcome(double error, double cosine, List<List<Integer>> best) {}

  /** Turns unit rows, of which the first is token {@code first}, into others. */
  private interface Change {
    Buffer of(Matrix rows, long first, Scope scope);
  }

  /** The float embeddings as they are. */
  Outcome exact() {
    return score((rows, first, scope) -> scope.wrap(rows));
  }

  /** The nearest of {@code centroids} for every token. */
  int[] codes(Matrix centroids) {
    int[] all = new int[Math.toIntExact(source.tokens())];
    score(
        (rows, first, scope) -> {
          Buffer values = scope.wrap(rows);
          Buffer codes = scope.allocate(DType.I32, rows.rows(), 1);
          backend.nearestCentroids(values, scope.wrap(centroids), codes);
          codes.copyTo(
              MemorySegment.ofArray(all)
                  .asSlice(first * Integer.BYTES, rows.rows() * Integer.BYTES));
          return values;
        });
    return all;
  }

  /** The embeddings that {@code codec} reconstructs. */
  Outcome of(ResidualCodec codec, int[] allCodes) {
    return score((rows, first, scope) -> reconstructed(rows, first, scope, codec, allCodes));
  }

  private Buffer reconstructed(
      Matrix rows, long first, Scope scope, ResidualCodec codec, int[] allCodes) {
    long n = rows.rows();
    Buffer codes = scope.allocate(DType.I32, n, 1);
    codes.copyFrom(
        MemorySegment.ofArray(allCodes).asSlice(first * Integer.BYTES, n * Integer.BYTES));
    return codec.reconstruct(scope.wrap(rows), codes, backend, scope);
  }

  private Outcome score(Change change) {
    float[][] scores = new float[queries.size()][source.passages()];
    double[] sums = new double[2];
    long token = 0;
    for (int first = 0; first < source.passages(); ) {
      int last = first;
      long tokens = 0;
      while (last < source.passages() && (last == first || tokens + source.doclen(last) <= CHUNK)) {
        tokens += source.doclen(last++);
      }
      try (Arena arena = Arena.ofShared();
          Scope scope = backend.openScope()) {
        Matrix rows = Matrix.allocate(arena, tokens, source.dim());
        source.read(token, rows);
        rows.normalizeRows(source.name(), token);
        Buffer changed = change.of(rows, token, scope);
        compare(rows, changed, arena, sums);
        scorePassages(changed, first, last, scope, scores);
      }
      token += tokens;
      first = last;
    }
    List<List<Integer>> best = new ArrayList<>();
    for (float[] of : scores) {
      best.add(
          IntStream.range(0, of.length)
              .boxed()
              .sorted(
                  (a, b) -> of[a] == of[b] ? Integer.compare(a, b) : Float.compare(of[b], of[a]))
              .limit(DEPTH)
              .toList());
    }
    return new Outcome(sums[0] / source.tokens(), sums[1] / source.tokens(), best);
  }

  private static void compare(Matrix rows, Buffer changed, Arena arena, double[] sums) {
    MemorySegment other = arena.allocate(changed.bytes(), 64);
    changed.copyTo(other);
    int dim = rows.dim();
    for (long i = 0; i < rows.rows(); i++) {
      double error = 0;
      double product = 0;
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        float x = rows.get(i, d);
        float y = other.getAtIndex(Layouts.F32, i * dim + d);
        error += (double) (x - y) * (x - y);
        product += (double) x * y;
        squares += (double) y * y;
      }
      sums[0] += error;
      sums[1] += product / Math.sqrt(squares);
    }
  }

  private void scorePassages(Buffer rows, int first, int last, Scope scope, float[][] scores) {
    long[] offsets = new long[last - first + 1];
    int[] numbers = new int[last - first];
    for (int p = first; p < last; p++) {
      offsets[p - first + 1] = offsets[p - first] + source.doclen(p);
      numbers[p - first] = p - first;
    }
    Buffer starts = scope.allocate(DType.I64, offsets.length, 1);
    starts.copyFrom(MemorySegment.ofArray(offsets));
    for (int q = 0; q < queries.size(); q++) {
      try (Scope one = backend.openScope()) {
        Matrix query = queries.get(q);
        QueryBatch batch = new QueryBatch(one.wrap(query), new int[] {0, (int) query.rows()});
        Candidates all = Candidates.allocate(one, 1, numbers.length);
        all.passages().slice(0, numbers.length).copyFrom(MemorySegment.ofArray(numbers));
        all.setCount(0, numbers.length);
        backend.maxSimDense(batch, new DensePassages(starts, rows), all);
        MemorySegment part =
            MemorySegment.ofArray(scores[q])
                .asSlice((long) first * Float.BYTES, (long) numbers.length * Float.BYTES);
        all.scores().slice(0, numbers.length).copyTo(part);
      }
    }
  }
}
