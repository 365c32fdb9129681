package dev.tartan.compute;

/**
 * For each centroid the passages that have a token with its code.
 *
 * @param offsets I64 [K + 1, 1]
 * @param passages I32 [offsets[K], 1], ascending within a list
 * @param passageCount passages of the segment; every listed number is below it
 */
public record InvertedListTables(Buffer offsets, Buffer passages, long passageCount) {}
