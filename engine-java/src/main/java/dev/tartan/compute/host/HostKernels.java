package dev.tartan.compute.host;

import dev.tartan.compute.CodecTables.Form;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The numeric work on ranges of rows in host memory, by one thread. The stages of a search read
 * their arguments from a {@link StageCall} and make no objects; {@link HostViews} gives the memory
 * behind them. Formulas, shapes and precision are those of {@link dev.tartan.compute.Backend};
 * native/include/tartan_cpu.h states them once more for the C++ side. Arguments have been checked;
 * only what depends on the data (codes, passage numbers) is checked here, with {@link
 * dev.tartan.memory.TartanException}.
 */
public interface HostKernels {
  /**
   * One query; scores [K, rows] and best [K] are empty segments before {@link #centroidScores}'
   * caller has given them.
   */
  record HostQuery(
      int rows, int dim, MemorySegment values, MemorySegment scores, MemorySegment best) {}

  /** See {@link dev.tartan.compute.CodecTables}. */
  record HostCodec(
      Form form,
      int dim,
      int nbits,
      long centroids,
      MemorySegment centroid,
      MemorySegment cutoffs,
      MemorySegment weights) {
    public int residualBytes() {
      return dim * nbits / 8;
    }

    public boolean scaled() {
      return form == Form.SCALED;
    }
  }

  /** See {@link dev.tartan.compute.CentroidGrid}. */
  record HostGrid(int dim, long centroids, float steps, float reach, MemorySegment values) {}

  /** One query of {@link IntegerQueries}; scores [K, lanes], best [K]. */
  record HostIntegerQuery(
      HostQuery query, int lanes, MemorySegment block, MemorySegment scores, MemorySegment best) {
    public int rows() {
      return query.rows();
    }

    public long centroids() {
      return best.byteSize() / Short.BYTES;
    }
  }

  /** See {@link dev.tartan.compute.CompressedPassages}. */
  record HostPassages(
      long passages,
      MemorySegment offsets,
      DType codeType,
      MemorySegment codes,
      MemorySegment residuals,
      @Nullable MemorySegment factors) {}

  /** See {@link dev.tartan.compute.DensePassages}. */
  record HostDense(long passages, int dim, MemorySegment offsets, DType type, MemorySegment rows) {}

  /** See {@link dev.tartan.compute.InvertedListTables}. */
  record HostLists(long centroids, long passages, MemorySegment offsets, MemorySegment listed) {}

  /** The most rows of a query that can be scored beside another. */
  int ROWS_OF_A_PAIR = 16;

  /** "reference", "cpu (avx2)". */
  String description();

  /** Centroids [first, last) of [K, dim]; writes that range of the query's scores and best. */
  void centroidScores(HostQuery query, MemorySegment centroid, long first, long last);

  /** Writes [K, dim] bytes, and steps and reach as two floats. */
  void quantiseCentroids(
      MemorySegment centroid, int dim, MemorySegment values, MemorySegment stepsAndReach);

  /** The bytes of the block of a query; {@code nbits} is 0 for one without look-up tables. */
  long integerQueryBytes(int rows, int dim, int nbits);

  /** Writes the block of query {@code q}, from {@code queries}, {@code grid} and {@code codec}. */
  void quantiseQuery(StageCall call, int q);

  /** Centroids [first, last); writes that range of the scores and best of query {@code q}. */
  void integerScores(StageCall call, int q, long first, long last);

  /**
   * The candidates of query {@code q} and their count, to {@code out}, which has room for all.
   *
   * @param scratch [(passages + 63) / 64 + (passages + 1) / 2] longs or more, any content
   */
  void candidates(StageCall call, int q, MemorySegment scratch);

  /** Scores [first, last) of the candidates of query {@code q}. */
  void approximateScores(StageCall call, int q, long first, long last);

  /** Scores [first, last) of the candidates of query {@code q}. */
  void integerMaxSim(StageCall call, int q, long first, long last);

  /**
   * Scores [first, last) of the candidates of the queries {@code q} and {@code other}, which have
   * the same ones and at most {@value #ROWS_OF_A_PAIR} rows each. The same bits as one by one.
   */
  default void integerMaxSimPair(StageCall call, int q, int other, long first, long last) {
    integerMaxSim(call, q, first, last);
    integerMaxSim(call, other, first, last);
  }

  /** Scores [first, last) of the candidates of query {@code q}. */
  void rescore(StageCall call, int q, long first, long last);

  /** Scores [first, last) of the candidates of query {@code q}, of {@code dense}. */
  void maxSimDense(StageCall call, int q, long first, long last);

  /** The {@code keep} best of query {@code q} and their count, to {@code out}. */
  void keepBest(StageCall call, int q);

  /** The {@code keep} best of query {@code q}, in their order, and their count, to {@code out}. */
  void cut(StageCall call, int q);

  void maxSim(
      HostQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out);

  /** Bytes of what {@link #sketchCentroids} makes of so many centroids; 0 if it makes nothing. */
  default long centroidSketchBytes(int dim, long centroids) {
    return 0;
  }

  /**
   * Prepares centroids for {@link #nearestCentroids} of many rows, of which {@code rows} are some.
   */
  default void sketchCentroids(
      MemorySegment centroid, int dim, MemorySegment rows, MemorySegment sketch) {}

  /** With a sketch of these centroids it is faster; the codes are the same. */
  void nearestCentroids(
      MemorySegment rows,
      int dim,
      MemorySegment centroid,
      @Nullable MemorySegment sketch,
      MemorySegment codes);

  void accumulateCentroids(
      MemorySegment rows, int dim, MemorySegment codes, MemorySegment sums, MemorySegment counts);

  void compress(
      HostCodec codec,
      MemorySegment rows,
      MemorySegment codes,
      MemorySegment residuals,
      MemorySegment factors);

  /** Tokens from {@code first} on, as many as {@code out} has rows. */
  void decompress(HostCodec codec, HostPassages passages, long first, MemorySegment out);
}
