package dev.tartan.compute.host;

import dev.tartan.compute.CodecTables.Form;
import dev.tartan.memory.DType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The numeric work on ranges of rows in host memory, by one thread. Formulas, shapes and precision
 * are those of {@link dev.tartan.compute.Backend}; native/include/tartan_cpu.h states them once
 * more for the C++ side. Arguments have been checked; only what depends on the data (codes, passage
 * numbers) is checked here, with {@link dev.tartan.memory.TartanException}.
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

  /** One query of {@link dev.tartan.compute.IntegerQueries}; scores [K, lanes], best [K]. */
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

  /** "reference", "cpu (avx2)". */
  String description();

  /** Centroids [first, last) of [K, dim]; writes that range of the query's scores and best. */
  void centroidScores(HostQuery query, MemorySegment centroid, long first, long last);

  /** Writes [K, dim] bytes, and steps and reach as two floats. */
  void quantiseCentroids(
      MemorySegment centroid, int dim, MemorySegment values, MemorySegment stepsAndReach);

  /** The bytes of the block of a query; {@code nbits} is 0 for one without look-up tables. */
  long integerQueryBytes(int rows, int dim, int nbits);

  /** Writes the block of a query; {@code codec} is null for one without look-up tables. */
  void quantiseQuery(
      HostQuery query, HostGrid grid, @Nullable HostCodec codec, MemorySegment block);

  /** Centroids [first, last); writes that range of the query's scores and best. */
  void integerScores(HostIntegerQuery query, HostGrid grid, long first, long last);

  /**
   * Returns how many were written to {@code out} and {@code outScores}, which have room for all;
   * scratch [(passages + 63) / 64 + (passages + 1) / 2] longs.
   */
  long candidates(
      HostIntegerQuery query,
      HostLists lists,
      int nprobe,
      MemorySegment scratch,
      MemorySegment out,
      MemorySegment outScores);

  /** {@code candidates} and {@code out} are the range to score. */
  void approximateScores(
      HostIntegerQuery query,
      HostPassages passages,
      float threshold,
      MemorySegment candidates,
      MemorySegment out);

  void integerMaxSim(
      HostIntegerQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out);

  void rescore(
      HostIntegerQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out);

  /**
   * Scored passages in, the best out; returns how many were kept. {@code keep} is at most the rows
   * of the outputs.
   */
  long keepBest(
      MemorySegment passages,
      MemorySegment scores,
      long keep,
      MemorySegment outPassages,
      MemorySegment outScores);

  void maxSim(
      HostQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out);

  void maxSimDense(
      HostQuery query, HostDense passages, MemorySegment candidates, MemorySegment out);

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
