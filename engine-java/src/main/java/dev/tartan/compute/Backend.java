package dev.tartan.compute;

import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Does the numeric work of search and indexing, one stage over many rows a call. Every
 * implementation gives the same answers: codes, bucket numbers, candidates and centroid scores are
 * equal to the bit, as all that is in integers; {@link #maxSim}, {@link #rescore} and {@link
 * #maxSimDense} differ by at most 1e-5 a query row, or 2e-3 where they multiply in float16 (cuda);
 * {@link #decompress} by at most 1e-6 an element. Results do not depend on the number of threads,
 * nor on what else is in the batch.
 *
 * <p>One instance serves any number of threads; a {@link Scope} serves one. Arguments of a wrong
 * shape or type throw {@link IllegalArgumentException}; data that contradicts itself (a code beyond
 * the centroids) throws {@link dev.tartan.memory.TartanException} and never crashes: at once, or
 * where a device works on while its caller goes on, when the caller asks for a result (a copy to
 * the host, counts of candidates). NaN never wins a maximum.
 */
public interface Backend extends AutoCloseable {
  /** "reference", "cpu" or "cuda". */
  String name();

  /** The name with what is worth knowing: "cpu (avx2, 2 threads)". */
  String description();

  Scope openScope();

  /**
   * Backends over which the segments of an index are spread, this one first: one for each device,
   * with buffers of its own. They close with this one.
   */
  default List<Backend> places() {
    return List.of(this);
  }

  /** Bytes that arrays of an index may still take; {@link Long#MAX_VALUE} where none is counted. */
  default long freeBytes() {
    return Long.MAX_VALUE;
  }

  /**
   * How many queries a call of a search stage does best with: one where a query's scores should
   * stay in the cache of a core, more where a call is dear.
   */
  int queriesAtOnce();

  /**
   * Runs {@code body} for 0 .. tasks-1, in any order, on the threads of the backend, the caller
   * among them; returns when all are done and throws what the first failure threw. Stages that
   * {@code body} calls use threads of their own only where some are idle.
   */
  void run(int tasks, IntConsumer body);

  /** {@code scores[c][r] = q[r] . c} and the best over r, for every centroid and query. */
  void centroidScores(QueryBatch queries, Buffer centroids, CentroidScores out);

  /** The centroids in integers. Its buffer lives in {@code scope}. */
  CentroidGrid grid(Buffer centroids, Scope scope);

  /**
   * The queries in integers, with their similarity to every centroid. NaN counts as zero.
   *
   * @param codec what {@link #integerMaxSim} is to work on; null where only centroid scores are
   *     wanted
   * @param scope where the result lives
   */
  default IntegerQueries integerScores(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope) {
    IntegerQueries out = integerQueries(queries, grid, codec, scope);
    integerScores(out, grid, codec);
    return out;
  }

  /** Room for {@link #integerScores(IntegerQueries, CentroidGrid, CodecTables)}. */
  IntegerQueries integerQueries(
      QueryBatch queries, CentroidGrid grid, @Nullable CodecTables codec, Scope scope);

  /**
   * Fills {@code out} for the queries it was made for, or for one that has {@linkplain
   * QueryBatch#replace replaced} theirs and has as many lanes.
   *
   * @param grid and {@code codec}: those that it was made for
   */
  void integerScores(IntegerQueries out, CentroidGrid grid, @Nullable CodecTables codec);

  /**
   * PLAID candidate generation (2205.09707, section 4.1): the passages in the inverted lists of
   * each row's {@code nprobe} best centroids (ties to the lower one), each once, ascending, scored
   * by what the lists tell: for each row the best probed centroid that lists the passage, or else
   * the row's worst probed one. {@code out} needs a capacity of the passage count.
   *
   * @param allowed I64 [passage count / 64 rounded up, 1]: bit p % 64 of word p / 64 is set where
   *     passage p may be a candidate, of any query; bits beyond the passages do not matter. Others
   *     are left out; the scores of those that stay do not change. Null allows all.
   */
  void candidates(
      IntegerQueries queries,
      InvertedListTables lists,
      int nprobe,
      @Nullable Buffer allowed,
      Candidates out);

  /**
   * Centroid interaction (section 4.2) with centroid pruning (section 4.3): sum over rows of the
   * maximum over tokens of their centroids' scores, leaving out centroids whose best score is below
   * {@code threshold}; negative infinity if none is left. Overwrites the scores of {@code
   * candidates}.
   */
  void approximateScores(
      IntegerQueries queries, CompressedPassages passages, float threshold, Candidates candidates);

  /**
   * MaxSim over compressed passages in integers: near {@link #maxSim} (standard deviation of the
   * error of a row 0.003 at dim 128) at a fifth of its time. Negative infinity for an empty
   * passage. Overwrites the scores of {@code candidates}.
   */
  void integerMaxSim(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates);

  /**
   * {@link #maxSim} of few passages: integers tell which tokens can be the best of a row, and only
   * those are decompressed. Overwrites the scores of {@code candidates}.
   */
  void rescore(
      IntegerQueries queries,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates);

  /**
   * The {@code keep} best of each query, best first; ties to the lower passage; NaN and negative
   * infinity are dropped.
   */
  void keepBest(Candidates in, long keep, Candidates out);

  /**
   * The {@code keep} best of each query that has more, in the order of {@code in}; ties to the
   * earlier; NaN and negative infinity are dropped. A query that has no more keeps all of its own,
   * also those: alone it would not have been cut.
   */
  void cut(Candidates in, long keep, Candidates out);

  /**
   * MaxSim over compressed passages, decompressed on the fly: sum over rows of the maximum over
   * tokens of {@code a * scores + f * q . weights}, where {@code a} and {@code f} are both {@code 1
   * / max(1e-12, |centroid + weights|)} with {@link CodecTables.Form#UNIT}, and 1 and the token's
   * factor with {@link CodecTables.Form#SCALED}. Negative infinity for an empty passage. Overwrites
   * the scores of {@code candidates}.
   */
  void maxSim(
      QueryBatch queries,
      CentroidScores scores,
      CodecTables codec,
      CompressedPassages passages,
      Candidates candidates);

  /** MaxSim over uncompressed passages. Overwrites the scores of {@code candidates}. */
  void maxSimDense(QueryBatch queries, DensePassages passages, Candidates candidates);

  /**
   * The code of each row: its centroid of greatest dot product, ties to the lower.
   *
   * @param rows F32 [n, dim]
   * @param centroids F32 [K, dim]
   * @param codes I32 [n, 1], written
   */
  void nearestCentroids(Buffer rows, Buffer centroids, Buffer codes);

  /**
   * Adds each row to the sum of its code, in fixed point of 32 fractional bits, so that the order
   * does not matter.
   *
   * @param rows F32 [n, dim], elements in [-1, 1]
   * @param codes I32 [n, 1]
   * @param sums I64 [K, dim], added to
   * @param counts I64 [K, 1], added to
   */
  void accumulateCentroids(Buffer rows, Buffer codes, Buffer sums, Buffer counts);

  /**
   * Packs the bucket numbers of the residuals and finds the factors of the tokens. A bucket number
   * is the count of cutoffs strictly below {@code residual / s}. With {@link
   * CodecTables.Form#UNIT}, s is 1 and the factor {@code 1 / |centroid + weights|}. With {@link
   * CodecTables.Form#SCALED}, s starts as the root of the mean square of the residual and at 2 to 4
   * bits is refined twice towards the least squared error (native/include/tartan_cpu.h has the
   * formula); the factor is {@code |residual| / |weights|}. Equal to the bit in all backends.
   *
   * @param rows F32 [n, dim]
   * @param codes I32 [n, 1]
   * @param residuals U8 [n, dim * nbits / 8], written
   * @param factors U16 [n, 1], written: float16
   */
  void compress(Buffer rows, Buffer codes, CodecTables codec, Buffer residuals, Buffer factors);

  /**
   * Reconstructs the tokens from {@code firstToken} on, as many as {@code out} has rows.
   *
   * @param out F32 [n, dim], written; rows of unit length, or about that
   */
  void decompress(CodecTables codec, CompressedPassages passages, long firstToken, Buffer out);

  @Override
  void close();
}
