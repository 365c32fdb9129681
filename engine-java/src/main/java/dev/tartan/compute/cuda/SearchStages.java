package dev.tartan.compute.cuda;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.Candidates;
import dev.tartan.compute.CentroidGrid;
import dev.tartan.compute.CentroidScores;
import dev.tartan.compute.CodecTables;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.IntegerQueries;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.QueryBatch;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The stages of a search. Shapes are checked already. */
final class SearchStages {
  private static final int CENTROIDS_A_BLOCK = 64; // in float
  private static final int INTEGERS_A_BLOCK = 8; // centroids
  private static final int CANDIDATES_A_BLOCK = 8; // scored in integers
  private static final int MAXSIM_A_BLOCK = 4; // candidates at a time, one a warp

  /** Blocks of MaxSim for a multiprocessor; a block prepares its query once for all its turns. */
  private static final int MAXSIM_BLOCKS = 8;

  private static final int WORDS_A_BLOCK = 256; // of a bitmap of passages
  private static final int VALUES_A_BLOCK = 1024; // of centroids

  /** Blocks of a kernel that goes through what there is in strides, at most. */
  private static final int MOST_BLOCKS = 1024;

  /** Blocks that share the probes of a row, at most. */
  private static final int MOST_PROBE_BLOCKS = 64;

  /** Of {@link CentroidGrid}, as everywhere. */
  private static final float GRID_STEPS = 216;

  private static final int BLOCK_HEAD = 64; // BlockHead in arguments.cuh
  private static final int BLOCK_WEIGHTS = 64;

  private final CudaBackend backend;

  SearchStages(CudaBackend backend) {
    this.backend = backend;
  }

  void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out) {
    backend
        .scope(out.scores())
        .call(queries.queries())
        .queries(queries)
        .buffer(centroids)
        .buffer(out.scores())
        .buffer(out.best())
        .number(centroids.rows())
        .launch(
            Kernel.CENTROID_SCORES,
            Math.ceilDiv(centroids.rows(), CENTROIDS_A_BLOCK),
            queries.queries());
  }

  CentroidGrid grid(Buffer centroids, Scope scope) {
    Buffer values = scope.allocate(DType.U8, centroids.rows(), centroids.columns());
    CudaScope on = backend.scope(values);
    CudaCall call = on.call(0);
    CudaStream stream = on.stream();
    long largest = stream.output(Float.BYTES);
    long longest = stream.output(Integer.BYTES);
    long blocks = Math.clamp(values.bytes() / VALUES_A_BLOCK, 1, MOST_BLOCKS);
    call.buffer(centroids)
        .buffer(values)
        .output(largest)
        .output(longest)
        .number(centroids.rows())
        .integer(centroids.columns())
        .integer(0)
        .launch(Kernel.MEASURE_CENTROIDS, blocks, 1)
        .launch(Kernel.QUANTISE_CENTROIDS, blocks, 1);
    stream.synchronise();
    float greatest = Float.intBitsToFloat(stream.intAt(largest));
    float steps = greatest * GRID_STEPS > 127 ? 127 / greatest : GRID_STEPS;
    float squares = Integer.toUnsignedLong(stream.intAt(longest));
    return new CentroidGrid(values, steps, (float) Math.sqrt(squares));
  }

  IntegerQueries integerQueries(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope) {
    int nbits = codec == null ? 0 : codec.nbits();
    long[] blocks = new long[queries.queries() + 1];
    for (int q = 0; q < queries.queries(); q++) {
      blocks[q + 1] = blocks[q] + blockBytes(queries.rows(q), grid.dim(), nbits);
    }
    return IntegerQueries.allocate(scope, queries, nbits, grid.values().rows(), blocks);
  }

  /** Size of a query's block, as arguments.cuh has it; a multiple of 64. */
  static long blockBytes(int rows, int dim, int nbits) {
    long lanes = IntegerQueries.lanes(rows);
    long values = lanes * dim;
    long tables = nbits == 0 ? 0 : nbits <= 2 ? values * nbits * 4 : BLOCK_WEIGHTS + values;
    return BLOCK_HEAD + 2 * lanes * Float.BYTES + values + tables;
  }

  void integerScores(IntegerQueries out, CentroidGrid grid, @Nullable CodecTables codec) {
    CudaScope on = backend.scope(out.scores());
    int n = out.queries().queries();
    CudaCall call = on.call(n).queries(out.queries());
    (codec == null ? call.noCodec(grid.dim()) : call.codec(codec))
        .integers(out)
        .real(grid.steps())
        .real(grid.reach())
        .launch(Kernel.QUANTISE_QUERY, n, 1);
    on.call(n)
        .integers(out)
        .buffer(grid.values())
        .integer(grid.dim())
        .integer(n)
        .launch(Kernel.INTEGER_SCORES, Math.ceilDiv(out.centroids(), INTEGERS_A_BLOCK), n);
  }

  void candidates(
      IntegerQueries queries,
      InvertedListTables lists,
      int nprobe,
      @Nullable Buffer allowed,
      Candidates out) {
    int n = out.queries();
    long passages = lists.passageCount();
    if (n == 0 || passages == 0) {
      empty(out);
      return;
    }
    int rows = queries.queries().offsets()[n];
    int probes = (int) Math.min(nprobe, queries.centroids());
    int padded = powerOfTwo(probes);
    long words = Math.ceilDiv(passages, Integer.SIZE);
    CudaScope on = backend.scope(out.passages());
    CudaCall call = on.call(n);
    CudaStream stream = on.stream();
    long[] zero = new long[4];
    stream.zeroed(
        new long[] {
          n * words * Integer.BYTES, // bitmap
          rows * words * Integer.BYTES, // met
          n * passages * Integer.BYTES, // gains
          (long) n * Integer.BYTES // floors
        },
        zero);
    long counts = stream.output((long) n * Long.BYTES);
    call.integers(queries)
        .offsets(queries.queries())
        .buffer(lists.offsets())
        .buffer(lists.passages())
        .buffer(allowed)
        .number(passages)
        .number(stream.temporary((long) rows * padded * Long.BYTES))
        .number(zero[0])
        .number(stream.temporary(n * words * Integer.BYTES)) // ranks
        .number(zero[1])
        .number(zero[2])
        .number(zero[3])
        .buffer(out.passages())
        .buffer(out.scores())
        .output(counts)
        .number(out.capacity())
        .status()
        .integer(probes)
        .integer(padded)
        .launch(Kernel.PROBE_CENTROIDS, rows, 1)
        .launch(Kernel.MARK_PASSAGES, rows, Math.min(probes, MOST_PROBE_BLOCKS))
        .launch(Kernel.COUNT_PASSAGES, n, 1)
        .launch(Kernel.GAIN_PASSAGES, rows, 1)
        .launch(
            Kernel.WRITE_PASSAGES, Math.min(Math.ceilDiv(words, WORDS_A_BLOCK), MOST_BLOCKS), n);
    fetchCounts(stream, counts, out);
  }

  void approximateScores(
      IntegerQueries queries, CompressedPassages passages, float threshold, Candidates candidates) {
    backend
        .scope(candidates.scores())
        .call(candidates.queries())
        .integers(queries)
        .passages(passages)
        .candidates(candidates)
        .status()
        .real(threshold)
        .integer(0)
        .launch(
            Kernel.APPROXIMATE_SCORES,
            Math.ceilDiv(candidates.largest(), CANDIDATES_A_BLOCK),
            candidates.queries());
  }

  void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    CudaScope on = backend.scope(candidates.scores());
    if (backend.own(passages.residuals()).onHost()) {
      streamed(
          on,
          passages,
          candidates,
          (q, part, scored) -> integerMaxSim(on, OneQuery.of(queries, q), codec, part, scored));
    } else {
      integerMaxSim(on, queries, codec, passages, new Scored.All(candidates));
    }
  }

  private static void integerMaxSim(
      CudaScope on,
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Scored scored) {
    CudaCall call = on.call(scored.queries()).integers(queries).codec(codec).passages(passages);
    scored
        .write(call)
        .status()
        .launch(
            Kernel.INTEGER_MAXSIM,
            Math.ceilDiv(scored.most(), CANDIDATES_A_BLOCK),
            scored.queries());
  }

  /** With the scores of centroids; or, where they are null, with the centroids themselves. */
  void maxSim(
      QueryBatch queries,
      @Nullable CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    CudaScope on = backend.scope(candidates.scores());
    Kernel kernel = scores == null ? Kernel.rescore(codec.nbits()) : Kernel.maxSim(codec.nbits());
    Buffer all = scores == null ? null : scores.scores();
    if (backend.own(passages.residuals()).onHost()) {
      long centroids = codec.centroids().rows();
      streamed(
          on,
          passages,
          candidates,
          (q, part, scored) -> {
            Buffer own = all == null ? null : OneQuery.scores(all, queries, q, centroids);
            CudaCall call = on.call(1).queries(OneQuery.of(queries, q)).buffer(own);
            maxSim(call, kernel, codec, part, scored);
          });
    } else {
      CudaCall call = on.call(candidates.queries()).queries(queries).buffer(all);
      maxSim(call, kernel, codec, passages, new Scored.All(candidates));
    }
  }

  /** What follows queries and scores. */
  private void maxSim(
      CudaCall call, Kernel kernel, CodecTables codec, CompressedPassages passages, Scored scored) {
    scored.write(call.codec(codec).passages(passages).noDense()).status();
    launchMaxSim(call, kernel, codec.dim(), scored);
  }

  private interface Streamed {
    void accept(int q, CompressedPassages part, Scored scored);
  }

  /**
   * Runs {@code stage} on all candidates, whose tokens are on the host, some of a query at a time.
   */
  private void streamed(
      CudaScope on, CompressedPassages passages, Candidates candidates, Streamed stage) {
    CudaBuffer offsets = backend.own(passages.offsets());
    List<CudaBuffer> arrays = new ArrayList<>();
    arrays.add(backend.own(passages.codes()));
    arrays.add(backend.own(passages.residuals()));
    if (passages.factors() != null) {
      arrays.add(backend.own(passages.factors()));
    }
    for (int q = 0; q < candidates.queries(); q++) {
      int query = q;
      on.feed()
          .each(
              candidates,
              q,
              offsets,
              arrays,
              part -> {
                List<CudaBuffer> tokens = part.tokens();
                CudaBuffer factors = tokens.size() == 3 ? tokens.get(2) : null;
                CompressedPassages brought =
                    new CompressedPassages(part.offsets(), tokens.get(0), tokens.get(1), factors);
                stage.accept(query, brought, part.scored());
              });
    }
  }

  void maxSimDense(QueryBatch queries, DensePassages passages, Candidates candidates) {
    CudaScope on = backend.scope(candidates.scores());
    CudaBuffer rows = backend.own(passages.rows());
    if (rows.onHost()) {
      CudaBuffer offsets = backend.own(passages.offsets());
      for (int q = 0; q < candidates.queries(); q++) {
        QueryBatch one = OneQuery.of(queries, q);
        on.feed()
            .each(
                candidates,
                q,
                offsets,
                List.of(rows),
                part -> {
                  DensePassages dense = new DensePassages(part.offsets(), part.tokens().getFirst());
                  maxSimDense(on, one, dense, part.scored());
                });
      }
    } else {
      maxSimDense(on, queries, passages, new Scored.All(candidates));
    }
  }

  private void maxSimDense(
      CudaScope on, QueryBatch queries, DensePassages passages, Scored scored) {
    int dim = passages.rows().columns();
    CudaCall call = on.call(scored.queries()).queries(queries).number(0).noCodec(dim).noPassages();
    scored.write(call.dense(passages)).status();
    launchMaxSim(call, Kernel.MAXSIM_DENSE, dim, scored);
  }

  private void launchMaxSim(CudaCall call, Kernel kernel, int dim, Scored scored) {
    long enough = Math.ceilDiv((long) MAXSIM_BLOCKS * backend.multiprocessors(), scored.queries());
    long blocks = Math.min(Math.ceilDiv(scored.most(), MAXSIM_A_BLOCK), enough);
    call.launch(kernel, blocks, scored.queries(), fragmentBytes(dim));
  }

  /** Shared memory of a block: 32 query rows in float16 (fragments.cuh). */
  static int fragmentBytes(int dim) {
    return Math.ceilDiv(dim, 16) * 1024;
  }

  void keepBest(Candidates in, long keep, Candidates out) {
    choose(Kernel.KEEP_BEST, in, keep, out);
  }

  void cut(Candidates in, long keep, Candidates out) {
    choose(Kernel.CUT, in, keep, out);
  }

  private void choose(Kernel kernel, Candidates in, long keep, Candidates out) {
    int n = in.queries();
    long most = Math.min(keep, in.largest());
    if (n == 0 || most == 0) {
      empty(out);
      return;
    }
    CudaScope on = backend.scope(out.passages());
    CudaCall call = on.call(n);
    CudaStream stream = on.stream();
    long padded = powerOfTwo(Math.toIntExact(most));
    boolean sorted = kernel == Kernel.KEEP_BEST;
    long counts = stream.output((long) n * Long.BYTES);
    call.candidates(in)
        .buffer(out.passages())
        .buffer(out.scores())
        .output(counts)
        .number(sorted ? stream.temporary(n * padded * Long.BYTES) : 0)
        .number(out.capacity())
        .number(most)
        .number(padded)
        .launch(kernel, n, 1);
    fetchCounts(stream, counts, out);
  }

  private static void empty(Candidates out) {
    for (int q = 0; q < out.queries(); q++) {
      out.setCount(q, 0);
    }
  }

  /** Waits for the counts that a kernel left at {@code place}. */
  private static void fetchCounts(CudaStream stream, long place, Candidates out) {
    stream.synchronise();
    for (int q = 0; q < out.queries(); q++) {
      out.setCount(q, stream.longAt(place, q));
    }
  }

  /** The least power of two that is not below {@code n}. */
  private static int powerOfTwo(int n) {
    return n <= 1 ? 1 : Integer.highestOneBit(n - 1) << 1;
  }
}
