package dev.tartan.compute.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Objects;

/**
 * One handle and one method for each function of native/include/tartan_cpu.h, in its order; a test
 * compares the two. Touch this class only after {@link NativeLibrary} has a lookup. The {@code int}
 * results are statuses unless the header says otherwise.
 */
final class CpuFunctions {
  static final int ABI_VERSION = 5;

  private static final MethodHandle ABI = handle("tartan_abi_version", JAVA_INT);
  private static final MethodHandle BEST_TIER = handle("tartan_best_tier", JAVA_INT);
  private static final MethodHandle TIER_NAME = handle("tartan_tier_name", ADDRESS, JAVA_INT);
  private static final MethodHandle ERROR_TEXT = handle("tartan_error_text", ADDRESS, JAVA_INT);
  private static final MethodHandle CENTROID_SCORES =
      handle(
          "tartan_centroid_scores",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle QUANTISE_CENTROIDS =
      handle(
          "tartan_quantise_centroids",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle INTEGER_QUERY_BYTES =
      handle("tartan_integer_query_bytes", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle QUANTISE_QUERY =
      handle("tartan_quantise_query", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
  private static final MethodHandle INTEGER_SCORES =
      handle(
          "tartan_integer_scores",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle CANDIDATES =
      handle(
          "tartan_candidates",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle APPROXIMATE_SCORES =
      handle(
          "tartan_approximate_scores",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_FLOAT,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle INTEGER_MAXSIM =
      handle(
          "tartan_integer_maxsim",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle INTEGER_MAXSIM_PAIR =
      handle(
          "tartan_integer_maxsim_pair",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle RESCORE =
      handle(
          "tartan_rescore",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle KEEP_BEST =
      handle(
          "tartan_keep_best",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle CUT =
      handle(
          "tartan_cut",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle MAXSIM =
      handle(
          "tartan_maxsim",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle MAXSIM_DENSE =
      handle(
          "tartan_maxsim_dense", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
  private static final MethodHandle CENTROID_SKETCH_BYTES =
      handle("tartan_centroid_sketch_bytes", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle SKETCH_CENTROIDS =
      handle(
          "tartan_sketch_centroids",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          ADDRESS);
  private static final MethodHandle NEAREST_CENTROIDS =
      handle(
          "tartan_nearest_centroids",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle ACCUMULATE_CENTROIDS =
      handle(
          "tartan_accumulate_centroids",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle COMPRESS =
      handle(
          "tartan_compress",
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle DECOMPRESS =
      handle(
          "tartan_decompress", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS);

  private CpuFunctions() {}

  static int abiVersion() {
    try {
      return (int) ABI.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int bestTier() {
    try {
      return (int) BEST_TIER.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static String tierName(int tier) {
    try {
      return text((MemorySegment) TIER_NAME.invokeExact(tier));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static String errorText(int status) {
    try {
      return text((MemorySegment) ERROR_TEXT.invokeExact(status));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int centroidScores(
      int tier,
      MemorySegment query,
      MemorySegment centroid,
      long first,
      long last,
      MemorySegment scores,
      MemorySegment best) {
    try {
      return (int) CENTROID_SCORES.invokeExact(tier, query, centroid, first, last, scores, best);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int quantiseCentroids(
      int tier,
      MemorySegment centroid,
      long centroids,
      int dim,
      MemorySegment values,
      MemorySegment steps,
      MemorySegment reach) {
    try {
      return (int)
          QUANTISE_CENTROIDS.invokeExact(tier, centroid, centroids, dim, values, steps, reach);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long integerQueryBytes(int rows, int dim, int nbits) {
    try {
      return (long) INTEGER_QUERY_BYTES.invokeExact(rows, dim, nbits);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int quantiseQuery(
      int tier, MemorySegment query, MemorySegment grid, MemorySegment codec, MemorySegment block) {
    try {
      return (int) QUANTISE_QUERY.invokeExact(tier, query, grid, codec, block);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int integerScores(
      int tier,
      MemorySegment query,
      MemorySegment grid,
      long first,
      long last,
      MemorySegment scores,
      MemorySegment best) {
    try {
      return (int) INTEGER_SCORES.invokeExact(tier, query, grid, first, last, scores, best);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int candidates(
      int tier,
      MemorySegment query,
      int nprobe,
      MemorySegment listOffsets,
      MemorySegment listPassages,
      long passages,
      MemorySegment allowed,
      MemorySegment scratch,
      MemorySegment out,
      MemorySegment scores,
      long capacity,
      MemorySegment count) {
    try {
      return (int)
          CANDIDATES.invokeExact(
              tier,
              query,
              nprobe,
              listOffsets,
              listPassages,
              passages,
              allowed,
              scratch,
              out,
              scores,
              capacity,
              count);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int approximateScores(
      int tier,
      MemorySegment query,
      MemorySegment passages,
      float threshold,
      MemorySegment candidates,
      long n,
      MemorySegment out) {
    try {
      return (int)
          APPROXIMATE_SCORES.invokeExact(tier, query, passages, threshold, candidates, n, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int integerMaxSim(
      int tier,
      MemorySegment query,
      MemorySegment codec,
      MemorySegment passages,
      MemorySegment candidates,
      long n,
      MemorySegment out) {
    try {
      return (int) INTEGER_MAXSIM.invokeExact(tier, query, codec, passages, candidates, n, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int integerMaxSimPair(
      int tier,
      MemorySegment first,
      MemorySegment second,
      MemorySegment codec,
      MemorySegment passages,
      MemorySegment candidates,
      long n,
      MemorySegment outOfFirst,
      MemorySegment outOfSecond) {
    try {
      return (int)
          INTEGER_MAXSIM_PAIR.invokeExact(
              tier, first, second, codec, passages, candidates, n, outOfFirst, outOfSecond);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int rescore(
      int tier,
      MemorySegment query,
      MemorySegment integers,
      MemorySegment codec,
      MemorySegment passages,
      MemorySegment candidates,
      long n,
      MemorySegment out) {
    try {
      return (int) RESCORE.invokeExact(tier, query, integers, codec, passages, candidates, n, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int keepBest(
      int tier,
      MemorySegment passages,
      MemorySegment scores,
      long n,
      long keep,
      MemorySegment outPassages,
      MemorySegment outScores,
      MemorySegment count) {
    try {
      return (int)
          KEEP_BEST.invokeExact(tier, passages, scores, n, keep, outPassages, outScores, count);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int cut(
      int tier,
      MemorySegment passages,
      MemorySegment scores,
      long n,
      long keep,
      MemorySegment outPassages,
      MemorySegment outScores,
      MemorySegment count) {
    try {
      return (int) CUT.invokeExact(tier, passages, scores, n, keep, outPassages, outScores, count);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int maxSim(
      int tier,
      MemorySegment query,
      MemorySegment codec,
      MemorySegment passages,
      MemorySegment candidates,
      long n,
      MemorySegment out) {
    try {
      return (int) MAXSIM.invokeExact(tier, query, codec, passages, candidates, n, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int maxSimDense(
      int tier,
      MemorySegment query,
      MemorySegment passages,
      MemorySegment candidates,
      long n,
      MemorySegment out) {
    try {
      return (int) MAXSIM_DENSE.invokeExact(tier, query, passages, candidates, n, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long centroidSketchBytes(int tier, int dim, long centroids) {
    try {
      return (long) CENTROID_SKETCH_BYTES.invokeExact(tier, dim, centroids);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int sketchCentroids(
      int tier,
      MemorySegment centroid,
      long centroids,
      int dim,
      MemorySegment rows,
      long n,
      MemorySegment sketch) {
    try {
      return (int) SKETCH_CENTROIDS.invokeExact(tier, centroid, centroids, dim, rows, n, sketch);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int nearestCentroids(
      int tier,
      MemorySegment rows,
      long n,
      int dim,
      MemorySegment centroid,
      long centroids,
      MemorySegment sketch,
      MemorySegment codes) {
    try {
      return (int)
          NEAREST_CENTROIDS.invokeExact(tier, rows, n, dim, centroid, centroids, sketch, codes);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int accumulateCentroids(
      int tier,
      MemorySegment rows,
      long n,
      int dim,
      MemorySegment codes,
      long centroids,
      MemorySegment sums,
      MemorySegment counts) {
    try {
      return (int)
          ACCUMULATE_CENTROIDS.invokeExact(tier, rows, n, dim, codes, centroids, sums, counts);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int compress(
      int tier,
      MemorySegment codec,
      MemorySegment rows,
      long n,
      MemorySegment codes,
      MemorySegment residuals,
      MemorySegment factors) {
    try {
      return (int) COMPRESS.invokeExact(tier, codec, rows, n, codes, residuals, factors);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int decompress(
      int tier,
      MemorySegment codec,
      MemorySegment passages,
      long first,
      long last,
      MemorySegment out) {
    try {
      return (int) DECOMPRESS.invokeExact(tier, codec, passages, first, last, out);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static MethodHandle handle(String name, MemoryLayout result, MemoryLayout... parameters) {
    SymbolLookup lookup = Objects.requireNonNull(NativeLibrary.get().lookup());
    MemorySegment function =
        lookup
            .find(name)
            .orElseThrow(() -> new LinkageError("the kernel library has no function " + name));
    return Linker.nativeLinker()
        .downcallHandle(function, FunctionDescriptor.of(result, parameters));
  }

  private static String text(MemorySegment address) {
    return address.address() == 0 ? "?" : address.reinterpret(1 << 10).getString(0);
  }

  private static IllegalStateException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e); // a downcall throws nothing else that we could mend
  }
}
