package dev.tartan.search;

import dev.tartan.compute.Buffer;
import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.Scope;
import dev.tartan.memory.DType;
import dev.tartan.segment.Segment;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One segment's arrays in the memory of a backend, for the life of a snapshot.
 *
 * @param number of the segment in its snapshot
 * @param live the passages that live, as bits; null if all do
 * @param dense the embeddings of an uncompressed segment; null if it is compressed
 */
record SegmentTables(
    int number,
    Segment segment,
    InvertedListTables lists,
    @Nullable Buffer live,
    CompressedPassages compressed,
    @Nullable DensePassages dense) {
  /**
   * Those of the segments of {@code numbers}. What every search reads comes first, lest there be no
   * room for it on a device; then the tokens' residuals or embeddings, of which a search reads few.
   */
  static List<SegmentTables> of(
      List<Segment> segments, int[] numbers, boolean compressed, Scope scope) {
    List<SegmentTables> small = new ArrayList<>();
    for (int number : numbers) {
      Segment segment = segments.get(number);
      MemorySegment bits = segment.livePassages();
      Buffer live = bits == null ? null : scope.wrap(DType.I64, 1, bits);
      small.add(
          new SegmentTables(
              number, segment, segment.lists(scope), live, segment.codes(scope), null));
    }
    List<SegmentTables> all = new ArrayList<>();
    for (SegmentTables tables : small) {
      all.add(compressed ? tables.withResiduals(scope) : tables.withEmbeddings(scope));
    }
    return all;
  }

  private SegmentTables withResiduals(Scope scope) {
    CompressedPassages whole =
        new CompressedPassages(
            compressed.offsets(),
            compressed.codes(),
            segment.residuals(scope),
            compressed.factors());
    return new SegmentTables(number, segment, lists, live, whole, null);
  }

  private SegmentTables withEmbeddings(Scope scope) {
    DensePassages embeddings = new DensePassages(compressed.offsets(), segment.embeddings(scope));
    return new SegmentTables(number, segment, lists, live, compressed, embeddings);
  }
}
