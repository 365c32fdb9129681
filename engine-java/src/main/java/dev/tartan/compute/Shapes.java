package dev.tartan.compute;

import dev.tartan.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * The checks that stand between a caller's mistake and a read past the end of an array; every
 * backend makes them first.
 */
public final class Shapes {
  private Shapes() {}

  public static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** A message with a number in it, which is made only when it is needed. */
  private static void require(boolean condition, String message, long number) {
    if (!condition) {
      throw new IllegalArgumentException(message.formatted(number));
    }
  }

  public static void queries(QueryBatch queries) {
    int dim = queries.rows().columns();
    dim(dim);
    require(queries.offsets()[0] == 0, "query offsets do not start at 0");
    for (int q = 0; q < queries.queries(); q++) {
      int rows = queries.rows(q);
      require(
          rows >= 1 && rows <= QueryBatch.MAX_ROWS,
          "a query has %d rows; 1 to " + QueryBatch.MAX_ROWS + " are allowed",
          rows);
    }
  }

  public static void dim(int dim) {
    require(
        dim >= 8 && dim <= 1024 && dim % 8 == 0,
        "dim is %d; it must be a multiple of 8, at most 1024",
        dim);
  }

  public static void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out) {
    queries(queries);
    type(centroids, DType.F32, "centroids");
    require(centroids.columns() == queries.rows().columns(), "queries and centroids differ in dim");
    centroidScores(queries, out, centroids.rows());
  }

  private static void centroidScores(QueryBatch queries, CentroidScores scores, long centroids) {
    type(scores.scores(), DType.F32, "centroid scores");
    type(scores.best(), DType.F32, "best centroid scores");
    require(
        scores.best().columns() == centroids
            && scores.best().rows() == queries.queries()
            && scores.scores().rows() * scores.scores().columns()
                == centroids * queries.rows().rows(),
        "the centroid scores are of another shape");
  }

  public static void centroids(Buffer centroids) {
    dim(centroids.columns());
    type(centroids, DType.F32, "centroids");
    require(centroids.rows() >= 1, "at least one centroid");
  }

  public static void integerScores(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec) {
    queries(queries);
    type(grid.values(), DType.U8, "centroids in integers");
    require(grid.dim() == queries.rows().columns(), "queries and centroids differ in dim");
    if (codec != null) {
      codec(codec);
      require(
          codec.dim() == grid.dim() && codec.centroids().rows() == grid.values().rows(),
          "the grid is of another codec");
    }
  }

  public static void integerScores(
      IntegerQueries out, CentroidGrid grid, @Nullable CodecTables codec) {
    integerScores(out.queries(), grid, codec);
    integers(out, grid.values().rows());
    require(out.nbits() == (codec == null ? 0 : codec.nbits()), "room for tables of another codec");
    for (int q = 0; q < out.queries().queries(); q++) {
      require(
          out.lanesOf(q) == IntegerQueries.lanes(out.queries().rows(q)),
          "room for queries of other lanes");
    }
  }

  private static void integers(IntegerQueries queries, long centroids) {
    queries(queries.queries());
    type(queries.scores(), DType.U16, "integer scores");
    type(queries.best(), DType.U16, "best integer scores");
    int n = queries.queries().queries();
    require(
        queries.centroids() == centroids
            && queries.best().rows() == n
            && queries.scores().rows() == centroids * queries.laneOffsets()[n],
        "the centroid scores are of another shape");
  }

  public static void candidates(
      IntegerQueries queries,
      InvertedListTables lists,
      int nprobe,
      @Nullable Buffer allowed,
      Candidates out) {
    require(nprobe >= 1, "nprobe is %d; at least one centroid must be probed", nprobe);
    integers(queries, lists.offsets().rows() - 1);
    type(lists.offsets(), DType.I64, "list offsets");
    type(lists.passages(), DType.I32, "listed passages");
    require(
        out.capacity() >= lists.passageCount() && out.queries() == queries.queries().queries(),
        "the candidates have too little room");
    if (allowed != null) {
      type(allowed, DType.I64, "allowed passages");
      require(
          allowed.columns() == 1 && allowed.rows() == Math.ceilDiv(lists.passageCount(), Long.SIZE),
          "allowed passages need a bit for each passage, in words of 64");
    }
  }

  public static void scores(QueryBatch queries, Candidates candidates, long passages) {
    queries(queries);
    require(candidates.queries() == queries.queries(), "as many candidate sets as queries");
    require(passages <= Integer.MAX_VALUE, "a segment has at most 2^31 - 1 passages");
  }

  public static void approximateScores(
      IntegerQueries queries, CompressedPassages passages, Candidates candidates) {
    scores(queries.queries(), candidates, passages.passages());
    integers(queries, queries.centroids());
    codes(passages);
  }

  public static void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    scores(queries.queries(), candidates, passages.passages());
    codec(codec, passages);
    require(queries.queries().rows().columns() == codec.dim(), "queries and codec differ in dim");
    require(passages.factors() != null, "the passages have no factors");
    require(queries.nbits() == codec.nbits(), "the queries' tables are of another codec");
    integers(queries, codec.centroids().rows());
  }

  public static void maxSim(
      QueryBatch queries,
      CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates) {
    scores(queries, candidates, passages.passages());
    codec(codec, passages);
    require(queries.rows().columns() == codec.dim(), "queries and codec differ in dim");
    centroidScores(queries, scores, codec.centroids().rows());
  }

  public static void maxSimDense(
      QueryBatch queries, DensePassages passages, Candidates candidates) {
    scores(queries, candidates, passages.passages());
    Buffer rows = passages.rows();
    require(rows.columns() == queries.rows().columns(), "queries and passages differ in dim");
    require(rows.dtype() == DType.F32 || rows.dtype() == DType.F16, "rows are F32 or F16");
    type(passages.offsets(), DType.I64, "token offsets");
  }

  public static void keepBest(Candidates in, long keep, Candidates out) {
    require(in.queries() == out.queries(), "as many candidate sets in as out");
    require(keep >= 0, "keep is negative");
    require(out.capacity() >= Math.min(keep, in.largest()), "too little room for the best");
  }

  public static void codec(CodecTables codec, CompressedPassages passages) {
    codec(codec);
    require(
        passages.residuals().columns() == codec.residualBytes(),
        "residuals of another width than the codec's");
    long tokens = passages.codes().rows();
    require(passages.residuals().rows() == tokens, "as many residuals as codes");
    Buffer factors = passages.factors();
    require(
        factors == null
            ? codec.form() == CodecTables.Form.UNIT
            : factors.rows() == tokens && factors.dtype() == DType.U16,
        "as many factors as codes, U16");
    type(passages.residuals(), DType.U8, "residuals");
    codes(passages);
  }

  private static void codes(CompressedPassages passages) {
    DType codes = passages.codes().dtype();
    require(codes == DType.U16 || codes == DType.I32, "codes are U16 or I32");
    type(passages.offsets(), DType.I64, "token offsets");
  }

  public static void codec(CodecTables codec) {
    dim(codec.dim());
    int nbits = codec.nbits();
    require(
        (nbits >= 1 && nbits <= 4) || nbits == 8, "nbits is %d; it must be 1, 2, 3, 4 or 8", nbits);
    type(codec.centroids(), DType.F32, "centroids");
    type(codec.cutoffs(), DType.F32, "cutoffs");
    type(codec.weights(), DType.F32, "weights");
    require(codec.cutoffs().rows() == (1 << nbits) - 1, "2^nbits - 1 cutoffs");
    require(codec.weights().rows() == 1 << nbits, "2^nbits weights");
  }

  public static void codes(Buffer rows, Buffer centroids, Buffer codes) {
    dim(rows.columns());
    type(rows, DType.F32, "rows");
    type(centroids, DType.F32, "centroids");
    type(codes, DType.I32, "codes");
    require(rows.columns() == centroids.columns(), "rows and centroids differ in dim");
    require(codes.rows() == rows.rows(), "one code a row");
    require(centroids.rows() >= 1, "at least one centroid");
  }

  public static void accumulate(Buffer rows, Buffer codes, Buffer sums, Buffer counts) {
    dim(rows.columns());
    type(rows, DType.F32, "rows");
    type(codes, DType.I32, "codes");
    type(sums, DType.I64, "sums");
    type(counts, DType.I64, "counts");
    require(codes.rows() == rows.rows(), "one code a row");
    require(sums.columns() == rows.columns() && sums.rows() == counts.rows(), "one sum a centroid");
  }

  public static void compress(
      Buffer rows, Buffer codes, CodecTables codec, Buffer residuals, Buffer factors) {
    codec(codec);
    type(rows, DType.F32, "rows");
    type(codes, DType.I32, "codes");
    type(residuals, DType.U8, "residuals");
    type(factors, DType.U16, "factors");
    require(rows.columns() == codec.dim(), "rows and codec differ in dim");
    require(
        codes.rows() == rows.rows()
            && residuals.rows() == rows.rows()
            && residuals.columns() == codec.residualBytes()
            && factors.rows() == rows.rows(),
        "one code, one residual and one factor a row");
  }

  public static void decompress(
      CodecTables codec, CompressedPassages passages, long firstToken, Buffer out) {
    type(out, DType.F32, "the output");
    require(out.columns() == codec.dim(), "output and codec differ in dim");
    require(
        firstToken >= 0 && firstToken <= passages.codes().rows() - out.rows(),
        "tokens outside the segment");
  }

  private static void type(Buffer buffer, DType type, String what) {
    if (buffer.dtype() != type) {
      throw new IllegalArgumentException("%s are %s, not %s".formatted(what, buffer.dtype(), type));
    }
  }
}
