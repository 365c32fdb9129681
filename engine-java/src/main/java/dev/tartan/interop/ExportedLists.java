package dev.tartan.interop;

import dev.tartan.checkpoint.ElementType;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.interop.TorchArchive.Tensor;
import dev.tartan.memory.Layouts;
import dev.tartan.segment.Component;
import dev.tartan.segment.Segment;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The inverted lists of all segments as one, of living passages under their new numbers: those of
 * one centroid after the other, ascending.
 */
final class ExportedLists {
  private static final int DELETED = -1;

  private final List<Segment> segments;

  /** For each segment the new numbers of its passages. */
  private final List<int[]> numbers = new ArrayList<>();

  /** For each segment the lengths of its lists, the deleted passages included. */
  private final List<long[]> stored = new ArrayList<>();

  private final long[] lengths;

  ExportedLists(List<Segment> segments, ResidualCodec codec) {
    this.segments = segments;
    this.lengths = new long[Math.toIntExact(codec.centroids().rows())];
    int next = 0;
    for (Segment segment : segments) {
      int[] renumbered = new int[segment.passages()];
      for (int p = 0; p < renumbered.length; p++) {
        renumbered[p] = segment.isLive(segment.document(p)) ? next++ : DELETED;
      }
      numbers.add(renumbered);
      stored.add(segment.listLengths());
    }
    lists((centroid, passages) -> lengths[centroid] += passages.length);
  }

  /** I32: the passages of all lists. */
  Tensor passages() {
    return new Tensor(ElementType.I32, new long[] {Arrays.stream(lengths).sum()}, this::write);
  }

  private void write(Consumer<MemorySegment> sink) {
    lists((centroid, passages) -> sink.accept(MemorySegment.ofArray(passages)));
  }

  /** I64 [K]. */
  Tensor lengths() {
    return Tensor.of(ElementType.I64, MemorySegment.ofArray(lengths), lengths.length);
  }

  private interface Visitor {
    void accept(int centroid, int[] passages);
  }

  /** For each centroid the part of its list that is in each segment. */
  private void lists(Visitor visitor) {
    long[] first = new long[segments.size()];
    for (int centroid = 0; centroid < lengths.length; centroid++) {
      for (int s = 0; s < first.length; s++) {
        long n = stored.get(s)[centroid];
        MemorySegment list = segments.get(s).rows(Component.LISTS, first[s], n);
        int[] renumbered = numbers.get(s);
        int[] passages = list.toArray(Layouts.I32);
        visitor.accept(
            centroid,
            Arrays.stream(passages).map(p -> renumbered[p]).filter(p -> p != DELETED).toArray());
        first[s] += n;
      }
    }
  }
}
