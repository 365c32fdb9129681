package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;
import static dev.tartan.memory.Layouts.I64;
import static dev.tartan.memory.Layouts.U16;
import static dev.tartan.memory.Layouts.U8;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CodecTables.Form;
import dev.tartan.compute.host.HostKernels;
import dev.tartan.compute.host.HostViews;
import dev.tartan.compute.host.StageCall;
import dev.tartan.memory.DType;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The operations of {@link dev.tartan.compute.Backend}, each as its formula says. Stateless. */
public final class ReferenceKernels implements HostKernels {
  private static final double FIXED_POINT = 0x1p32;
  private static final double MIN_NORM = 1e-12;

  @Override
  public String description() {
    return "reference";
  }

  @Override
  public void centroidScores(HostQuery query, MemorySegment centroid, long first, long last) {
    for (long c = first; c < last; c++) {
      float best = Float.NEGATIVE_INFINITY;
      for (int r = 0; r < query.rows(); r++) {
        float score = dot(query.values(), r, centroid, c, query.dim());
        query.scores().setAtIndex(F32, c * query.rows() + r, score);
        best = score > best ? score : best;
      }
      query.best().setAtIndex(F32, c, best);
    }
  }

  @Override
  public void quantiseCentroids(
      MemorySegment centroid, int dim, MemorySegment values, MemorySegment stepsAndReach) {
    IntegerReference.quantiseCentroids(centroid, dim, values, stepsAndReach);
  }

  @Override
  public long integerQueryBytes(int rows, int dim, int nbits) {
    return IntegerReference.Block.bytes(rows, dim, nbits);
  }

  @Override
  public void quantiseQuery(StageCall call, int q) {
    CodecTables codec = call.codec();
    HostIntegerQuery query = HostViews.query(call.integers(), q);
    IntegerReference.quantise(
        query.query(),
        HostViews.grid(call.grid()),
        codec == null ? null : HostViews.codec(codec),
        query.block());
  }

  @Override
  public void integerScores(StageCall call, int q, long first, long last) {
    IntegerStages.integerScores(
        HostViews.query(call.integers(), q), HostViews.grid(call.grid()), first, last);
  }

  @Override
  public void candidates(StageCall call, int q, MemorySegment scratch) {
    Candidates out = call.out();
    Buffer allowed = call.allowed();
    long count =
        IntegerStages.candidates(
            HostViews.query(call.integers(), q),
            HostViews.lists(call.lists()),
            call.nprobe(),
            allowed == null ? null : HostViews.segment(allowed),
            HostViews.entries(out.passages(), out, q, 0, out.capacity()),
            HostViews.entries(out.scores(), out, q, 0, out.capacity()));
    out.setCount(q, count);
  }

  @Override
  public void approximateScores(StageCall call, int q, long first, long last) {
    IntegerStages.approximateScores(
        HostViews.query(call.integers(), q),
        HostViews.passages(call.passages()),
        call.threshold(),
        passages(call, q, first, last),
        scores(call, q, first, last));
  }

  @Override
  public void integerMaxSim(StageCall call, int q, long first, long last) {
    IntegerStages.integerMaxSim(
        HostViews.query(call.integers(), q),
        codec(call),
        HostViews.passages(call.passages()),
        passages(call, q, first, last),
        scores(call, q, first, last));
  }

  private static HostCodec codec(StageCall call) {
    return HostViews.codec(Objects.requireNonNull(call.codec()));
  }

  private static MemorySegment passages(StageCall call, int q, long first, long last) {
    return HostViews.entries(call.candidates().passages(), call.candidates(), q, first, last);
  }

  private static MemorySegment scores(StageCall call, int q, long first, long last) {
    return HostViews.entries(call.candidates().scores(), call.candidates(), q, first, last);
  }

  /** MaxSim as defined: the reference needs no integers to find it. */
  @Override
  public void rescore(StageCall call, int q, long first, long last) {
    HostCodec codec = codec(call);
    HostQuery plain = HostViews.query(call.queries(), q, null);
    try (Arena arena = Arena.ofConfined()) {
      long centroids = codec.centroids();
      HostQuery scored =
          new HostQuery(
              plain.rows(),
              plain.dim(),
              plain.values(),
              arena.allocate(F32, centroids * plain.rows()),
              arena.allocate(F32, centroids));
      centroidScores(scored, codec.centroid(), 0, centroids);
      maxSim(
          scored,
          codec,
          HostViews.passages(call.passages()),
          passages(call, q, first, last),
          scores(call, q, first, last));
    }
  }

  @Override
  public void keepBest(StageCall call, int q) {
    Selection.keepBest(call, q);
  }

  @Override
  public void cut(StageCall call, int q) {
    Selection.cut(call, q);
  }

  @Override
  public void maxSim(
      HostQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out) {
    float[] weights = new float[codec.dim()];
    forEachCandidate(
        candidates,
        passages.passages(),
        passages.offsets(),
        (i, firstToken, lastToken) -> {
          float[] best = negativeInfinity(query.rows());
          boolean[] seen = new boolean[query.rows()];
          for (long t = firstToken; t < lastToken; t++) {
            int code = code(passages, t, codec.centroids());
            float share = reconstruct(codec, passages, t, code, weights);
            for (int r = 0; r < best.length; r++) {
              float sim = share * score(query, code, r);
              for (int d = 0; d < weights.length; d++) {
                sim = Math.fma(value(query, r, d), weights[d], sim);
              }
              seen[r] |= !Float.isNaN(sim);
              best[r] = greater(best[r], sim);
            }
          }
          out.setAtIndex(F32, i, maxSim(best, seen, lastToken > firstToken));
        });
  }

  @Override
  public void maxSimDense(StageCall call, int q, long first, long last) {
    HostQuery query = HostViews.query(call.queries(), q, null);
    HostDense passages = HostViews.dense(call.dense());
    MemorySegment candidates = passages(call, q, first, last);
    MemorySegment out = scores(call, q, first, last);
    forEachCandidate(
        candidates,
        passages.passages(),
        passages.offsets(),
        (i, firstToken, lastToken) -> {
          float[] best = negativeInfinity(query.rows());
          boolean[] seen = new boolean[query.rows()];
          for (long t = firstToken; t < lastToken; t++) {
            for (int r = 0; r < best.length; r++) {
              float sim = 0;
              for (int d = 0; d < query.dim(); d++) {
                sim = Math.fma(value(query, r, d), dense(passages, t * query.dim() + d), sim);
              }
              seen[r] |= !Float.isNaN(sim);
              best[r] = greater(best[r], sim);
            }
          }
          out.setAtIndex(F32, i, maxSim(best, seen, lastToken > firstToken));
        });
  }

  @Override
  public void nearestCentroids(
      MemorySegment rows,
      int dim,
      MemorySegment centroid,
      @Nullable MemorySegment sketch,
      MemorySegment codes) {
    long n = codes.byteSize() / Integer.BYTES;
    int centroids = (int) (centroid.byteSize() / ((long) dim * Float.BYTES));
    for (long i = 0; i < n; i++) {
      float best = Float.NEGATIVE_INFINITY;
      int code = 0;
      for (int c = 0; c < centroids; c++) {
        float score = dot(rows, i, centroid, c, dim);
        if (score > best) {
          best = score;
          code = c;
        }
      }
      codes.setAtIndex(I32, i, code);
    }
  }

  @Override
  public void accumulateCentroids(
      MemorySegment rows, int dim, MemorySegment codes, MemorySegment sums, MemorySegment counts) {
    long n = codes.byteSize() / Integer.BYTES;
    long centroids = counts.byteSize() / Long.BYTES;
    for (long i = 0; i < n; i++) {
      long c = checkedCode(codes.getAtIndex(I32, i), centroids);
      counts.setAtIndex(I64, c, counts.getAtIndex(I64, c) + 1);
      for (int d = 0; d < dim; d++) {
        long fixed = (long) Math.rint(rows.getAtIndex(F32, i * dim + d) * FIXED_POINT);
        sums.setAtIndex(I64, c * dim + d, sums.getAtIndex(I64, c * dim + d) + fixed);
      }
    }
  }

  @Override
  public void compress(
      HostCodec codec,
      MemorySegment rows,
      MemorySegment codes,
      MemorySegment residuals,
      MemorySegment factors) {
    long n = codes.byteSize() / Integer.BYTES;
    long rowBytes = (long) codec.dim() * Float.BYTES;
    residuals.fill((byte) 0);
    for (long i = 0; i < n; i++) {
      long code = checkedCode(codes.getAtIndex(I32, i), codec.centroids());
      float factor =
          ReferenceCompression.compress(
              codec,
              rows.asSlice(i * rowBytes, rowBytes),
              codec.centroid().asSlice(code * rowBytes, rowBytes),
              residuals.asSlice(i * codec.residualBytes(), codec.residualBytes()));
      factors.setAtIndex(U16, i, Float.floatToFloat16(factor));
    }
  }

  @Override
  public void decompress(HostCodec codec, HostPassages passages, long first, MemorySegment out) {
    int dim = codec.dim();
    float[] weights = new float[dim];
    long n = out.byteSize() / ((long) dim * Float.BYTES);
    for (long i = 0; i < n; i++) {
      int code = code(passages, first + i, codec.centroids());
      float share = reconstruct(codec, passages, first + i, code, weights);
      for (int d = 0; d < dim; d++) {
        float centroid = codec.centroid().getAtIndex(F32, (long) code * dim + d);
        out.setAtIndex(F32, i * dim + d, Math.fma(share, centroid, weights[d]));
      }
    }
  }

  interface CandidateVisitor {
    void accept(long i, long firstToken, long lastToken);
  }

  static void forEachCandidate(
      MemorySegment candidates, long passages, MemorySegment offsets, CandidateVisitor visitor) {
    long n = candidates.byteSize() / Integer.BYTES;
    for (long i = 0; i < n; i++) {
      long p = checkedPassage(candidates.getAtIndex(I32, i), passages);
      visitor.accept(i, offsets.getAtIndex(I64, p), offsets.getAtIndex(I64, p + 1));
    }
  }

  /**
   * Fills {@code target} with the weights of a token times their factor; returns the factor of its
   * centroid.
   */
  private static float reconstruct(
      HostCodec codec, HostPassages passages, long token, int code, float[] target) {
    MemorySegment row = passages.residuals().asSlice(token * codec.residualBytes());
    for (int d = 0; d < target.length; d++) {
      target[d] = weight(codec, row, d);
    }
    boolean unit = codec.form() == Form.UNIT;
    float factor =
        unit
            ? (float) (1 / norm(codec, code, target))
            : Float.float16ToFloat(
                Objects.requireNonNull(passages.factors()).getAtIndex(U16, token));
    for (int d = 0; d < target.length; d++) {
      target[d] *= factor;
    }
    return unit ? factor : 1;
  }

  /** The weight that a packed residual has in one dimension. */
  static float weight(HostCodec codec, MemorySegment residual, int d) {
    return codec.weights().getAtIndex(F32, bucket(codec.nbits(), residual, d));
  }

  /** The bucket number that a packed residual has in one dimension. */
  static int bucket(int nbits, MemorySegment residual, int d) {
    int bits = d * nbits;
    int word = residual.get(U8, bits / 8) & 0xff;
    if (bits % 8 + nbits > 8) {
      word |= residual.get(U8, bits / 8 + 1) << 8;
    }
    return word >> bits % 8 & (1 << nbits) - 1;
  }

  private static double norm(HostCodec codec, int code, float[] weights) {
    double squares = 0;
    for (int d = 0; d < weights.length; d++) {
      double value =
          codec.centroid().getAtIndex(F32, (long) code * weights.length + d) + (double) weights[d];
      squares += value * value;
    }
    return Math.max(MIN_NORM, Math.sqrt(squares));
  }

  private static float dot(MemorySegment a, long row, MemorySegment b, long other, int dim) {
    float sum = 0;
    for (int d = 0; d < dim; d++) {
      sum = Math.fma(a.getAtIndex(F32, row * dim + d), b.getAtIndex(F32, other * dim + d), sum);
    }
    return sum;
  }

  private static float dense(HostDense passages, long index) {
    return passages.type() == DType.F32
        ? passages.rows().getAtIndex(F32, index)
        : Float.float16ToFloat(passages.rows().getAtIndex(U16, index));
  }

  private static float value(HostQuery query, int row, int d) {
    return query.values().getAtIndex(F32, (long) row * query.dim() + d);
  }

  private static float score(HostQuery query, long centroid, int row) {
    return query.scores().getAtIndex(F32, centroid * query.rows() + row);
  }

  static int code(HostPassages passages, long token, long centroids) {
    int code =
        passages.codeType() == DType.U16
            ? Short.toUnsignedInt(passages.codes().getAtIndex(U16, token))
            : passages.codes().getAtIndex(I32, token);
    return checkedCode(code, centroids);
  }

  private static int checkedCode(int code, long centroids) {
    if (code < 0 || code >= centroids) {
      throw new TartanException("damaged index: a token has a code that no centroid has");
    }
    return code;
  }

  static int checkedPassage(int passage, long passages) {
    if (passage < 0 || passage >= passages) {
      throw new TartanException(
          "damaged index: an inverted list names a passage that is not there");
    }
    return passage;
  }

  private static float greater(float best, float value) {
    return value > best ? value : best;
  }

  private static float[] negativeInfinity(int rows) {
    float[] best = new float[rows];
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    return best;
  }

  private static float maxSim(float[] best, boolean[] seen, boolean anyToken) {
    for (boolean row : seen) {
      if (anyToken && !row) {
        return Float.NaN;
      }
    }
    return sum(best);
  }

  private static float sum(float[] best) {
    float sum = 0;
    for (float value : best) {
      sum += value;
    }
    return sum;
  }
}
