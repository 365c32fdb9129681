package dev.tartan.search;

import dev.tartan.compute.CompressedPassages;
import dev.tartan.compute.DensePassages;
import dev.tartan.compute.InvertedListTables;
import dev.tartan.compute.Scope;
import dev.tartan.segment.Segment;
import org.jspecify.annotations.Nullable;

/**
 * One segment's arrays in the memory of a backend, for the life of a snapshot.
 *
 * @param dense the embeddings of an uncompressed segment; null if it is compressed
 */
record SegmentTables(
    Segment segment,
    InvertedListTables lists,
    CompressedPassages compressed,
    @Nullable DensePassages dense) {
  static SegmentTables of(Segment segment, boolean compressed, Scope scope) {
    return new SegmentTables(
        segment,
        segment.lists(scope),
        segment.compressed(scope),
        compressed ? null : segment.dense(scope));
  }
}
