/**
 * What is known of documents beside their text, and what is asked of it: JSON objects of typed
 * fields, and filters over them.
 *
 * <p>{@link dev.tartan.metadata.Schema} says which field has which type; {@link
 * dev.tartan.metadata.MetadataReader} holds documents to it and lets it grow. {@link
 * dev.tartan.metadata.ColumnsWriter} turns the metadata of a segment's documents into one blob of
 * columns, over which {@link dev.tartan.metadata.Columns} evaluates a {@link
 * dev.tartan.metadata.Filter} to the set of its documents. {@code docs/filters.md} tells users what
 * that means.
 *
 * <h2>The blob</h2>
 *
 * Sections, each at the place that the directory says; the directory, JSON; its length in bytes,
 * int64. All numbers are little-endian. A field that any document has is a column:
 *
 * <ul>
 *   <li>{@code exists}: the documents that have it, a Roaring bitmap in its portable form
 *   <li>{@code keys}: its distinct values, ascending. Of numbers, dates and booleans int64: the
 *       bits of a double, of a negative one all but the sign inverted; microseconds since 1970; 0
 *       or 1. Of strings the {@code n + 1} offsets, int64, of {@code text}, UTF-8, in the order of
 *       its unsigned bytes, which is that of code points
 *   <li>of number and date: {@code ranks}, a RangeBitmap of Roaring: for each document the place of
 *       its value in {@code keys}; what documents without one have there does not matter
 *   <li>of all others: {@code starts}, {@code n + 1} int64, and {@code postings}: for each value
 *       the documents that have it, a Roaring bitmap, or one alone as an int32
 * </ul>
 *
 * <p>Floor 3: imports {@link dev.tartan.memory}, Jackson and RoaringBitmap.
 */
@NullMarked
package dev.tartan.metadata;

import org.jspecify.annotations.NullMarked;
