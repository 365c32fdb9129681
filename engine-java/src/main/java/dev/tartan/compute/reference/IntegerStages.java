package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;
import static dev.tartan.memory.Layouts.I64;
import static dev.tartan.memory.Layouts.U16;
import static dev.tartan.memory.Layouts.U8;

import dev.tartan.compute.host.HostKernels.HostCodec;
import dev.tartan.compute.host.HostKernels.HostGrid;
import dev.tartan.compute.host.HostKernels.HostIntegerQuery;
import dev.tartan.compute.host.HostKernels.HostLists;
import dev.tartan.compute.host.HostKernels.HostPassages;
import dev.tartan.compute.reference.IntegerReference.Block;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** The search stages that work on integers, each as its formula says. */
final class IntegerStages {
  private static final short NONE = Short.MIN_VALUE;

  private IntegerStages() {}

  static void integerScores(HostIntegerQuery query, HostGrid grid, long first, long last) {
    Block block = block(query, 0);
    for (long c = first; c < last; c++) {
      int best = NONE;
      for (int r = 0; r < query.lanes(); r++) {
        int score = r < query.rows() ? score(block, r, grid, c) : NONE;
        query.scores().setAtIndex(U16, c * query.lanes() + r, (short) score);
        best = Math.max(best, score);
      }
      query.best().setAtIndex(U16, c, (short) best);
    }
  }

  private static int score(Block block, int row, HostGrid grid, long c) {
    int sum = 0;
    for (int d = 0; d < block.dim(); d++) {
      int value = block.memory().getAtIndex(I32, block.valueAt(row, d));
      sum += value * ((grid.values().get(U8, c * block.dim() + d) & 0xff) - 128);
    }
    float scale = block.memory().getAtIndex(F32, block.scaleAt(row));
    return IntegerReference.clamp(IntegerReference.nearest(sum * scale), 32767);
  }

  static long candidates(
      HostIntegerQuery query,
      HostLists lists,
      int nprobe,
      @Nullable MemorySegment allowed,
      MemorySegment out,
      MemorySegment outScores) {
    SortedMap<Integer, Integer> found = new TreeMap<>(); // what a passage gains above the floors
    int floors = 0;
    for (int r = 0; r < query.rows(); r++) {
      int row = r;
      int[] probed =
          IntStream.range(0, (int) lists.centroids())
              .boxed()
              .sorted(Comparator.comparing((Integer c) -> -score(query, c, row)))
              .limit(nprobe)
              .mapToInt(Integer::intValue)
              .toArray();
      int floor = score(query, probed[probed.length - 1], r);
      floors += floor;
      Set<Integer> met = new HashSet<>();
      for (int c : probed) {
        int gain = score(query, c, r) - floor;
        listed(lists, c).filter(met::add).forEach(p -> found.merge(p, gain, Integer::sum));
      }
    }
    if (allowed != null) {
      found.keySet().removeIf(p -> (allowed.getAtIndex(I64, p / 64) >> p % 64 & 1) == 0);
    }
    float unit = block(query, 0).scoreUnit();
    long count = 0;
    for (Map.Entry<Integer, Integer> entry : found.entrySet()) {
      out.setAtIndex(I32, count, entry.getKey());
      outScores.setAtIndex(F32, count++, (floors + entry.getValue()) * unit);
    }
    return count;
  }

  private static IntStream listed(HostLists lists, int centroid) {
    return LongStream.range(
            lists.offsets().getAtIndex(I64, centroid),
            lists.offsets().getAtIndex(I64, centroid + 1))
        .mapToInt(
            i ->
                ReferenceKernels.checkedPassage(
                    lists.listed().getAtIndex(I32, i), lists.passages()));
  }

  static void approximateScores(
      HostIntegerQuery query,
      HostPassages passages,
      float threshold,
      MemorySegment candidates,
      MemorySegment out) {
    float unit = block(query, 0).scoreUnit();
    double least = Math.ceil(threshold / unit);
    ReferenceKernels.forEachCandidate(
        candidates,
        passages.passages(),
        passages.offsets(),
        (i, firstToken, lastToken) -> {
          int[] top = none(query);
          boolean any = false;
          for (long t = firstToken; t < lastToken; t++) {
            int code = ReferenceKernels.code(passages, t, query.centroids());
            if (query.best().getAtIndex(U16, code) >= least) {
              any = true;
              for (int r = 0; r < top.length; r++) {
                top[r] = Math.max(top[r], score(query, code, r));
              }
            }
          }
          out.setAtIndex(F32, i, any ? IntStream.of(top).sum() * unit : Float.NEGATIVE_INFINITY);
        });
  }

  static void integerMaxSim(
      HostIntegerQuery query,
      HostCodec codec,
      HostPassages passages,
      MemorySegment candidates,
      MemorySegment out) {
    Block block = block(query, codec.nbits());
    MemorySegment factors = passages.factors();
    ReferenceKernels.forEachCandidate(
        candidates,
        passages.passages(),
        passages.offsets(),
        (i, firstToken, lastToken) -> {
          int[] top = none(query);
          for (long t = firstToken; t < lastToken; t++) {
            int code = ReferenceKernels.code(passages, t, query.centroids());
            float factor = factors == null ? 1 : Float.float16ToFloat(factors.getAtIndex(U16, t));
            for (int r = 0; r < top.length; r++) {
              int sum = sum(block, r, codec, passages.residuals(), t * codec.residualBytes());
              int x =
                  IntegerReference.similarity(
                      block, score(query, code, r), sum, factor, codec.scaled());
              top[r] = Math.max(top[r], x);
            }
          }
          float sum = IntStream.of(top).sum() * block.unit();
          out.setAtIndex(F32, i, lastToken > firstToken ? sum : Float.NEGATIVE_INFINITY);
        });
  }

  private static int sum(Block block, int row, HostCodec codec, MemorySegment residuals, long at) {
    return IntegerReference.byDots(codec.nbits())
        ? DotReference.dot(block, row, codec, residuals.asSlice(at, codec.residualBytes()))
        : IntegerReference.lookUps(block, row, residuals, at);
  }

  private static int[] none(HostIntegerQuery query) {
    int[] top = new int[query.rows()];
    java.util.Arrays.fill(top, NONE);
    return top;
  }

  private static int score(HostIntegerQuery query, long centroid, int row) {
    return query.scores().getAtIndex(U16, centroid * query.lanes() + row);
  }

  private static Block block(HostIntegerQuery query, int nbits) {
    return new Block(query.block(), query.rows(), query.query().dim(), nbits);
  }
}
