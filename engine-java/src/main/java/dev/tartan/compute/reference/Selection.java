package dev.tartan.compute.reference;

import static dev.tartan.memory.Layouts.F32;
import static dev.tartan.memory.Layouts.I32;

import dev.tartan.compute.Candidates;
import dev.tartan.compute.host.HostViews;
import dev.tartan.compute.host.StageCall;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The two ways to keep the best of a query's candidates, by sorting all. */
final class Selection {
  private Selection() {}

  static void keepBest(StageCall call, int q) {
    Candidates in = call.candidates();
    MemorySegment passages = HostViews.entries(in.passages(), in, q, 0, in.count(q));
    write(call, q, best(call, q, Comparator.comparing(i -> passages.getAtIndex(I32, i))));
  }

  static void cut(StageCall call, int q) {
    write(call, q, best(call, q, Comparator.naturalOrder()).sorted());
  }

  /** Places of the {@code keep} best scores, best first. */
  private static Stream<Integer> best(StageCall call, int q, Comparator<Integer> ties) {
    Candidates in = call.candidates();
    MemorySegment scores = HostViews.entries(in.scores(), in, q, 0, in.count(q));
    return IntStream.range(0, (int) in.count(q))
        .filter(i -> scores.getAtIndex(F32, i) > Float.NEGATIVE_INFINITY)
        .boxed()
        .sorted(
            Comparator.comparing((Integer i) -> 0 - scores.getAtIndex(F32, i)) // -0 ties with 0
                .thenComparing(ties))
        .limit(call.keep());
  }

  private static void write(StageCall call, int q, Stream<Integer> chosen) {
    Candidates in = call.candidates();
    Candidates out = call.out();
    MemorySegment passages = HostViews.entries(in.passages(), in, q, 0, in.count(q));
    MemorySegment scores = HostViews.entries(in.scores(), in, q, 0, in.count(q));
    List<Integer> places = chosen.toList();
    MemorySegment outPassages = HostViews.entries(out.passages(), out, q, 0, places.size());
    MemorySegment outScores = HostViews.entries(out.scores(), out, q, 0, places.size());
    for (int i = 0; i < places.size(); i++) {
      outPassages.setAtIndex(I32, i, passages.getAtIndex(I32, places.get(i)));
      outScores.setAtIndex(F32, i, scores.getAtIndex(F32, places.get(i)));
    }
    out.setCount(q, places.size());
  }
}
