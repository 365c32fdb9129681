/**
 * The index on disk. This page is the format document.
 *
 * <p>An index is a directory. {@code manifest.json} names the files of the current commit and is
 * replaced atomically ({@code manifest.copy} is the same again, for repairs); all other files are
 * written once and never changed. Files that the manifest does not name are leftovers of an
 * interrupted run; the next writer removes them. {@code write.lock} is held by the one writer. All
 * numbers are little-endian.
 *
 * <h2>Array files</h2>
 *
 * Every file but the manifest and the lock is a header of 64 bytes and one array of {@code rows *
 * row bytes} bytes, to the end of the file.
 *
 * <table>
 * <caption>Header</caption>
 * <tr><th>offset</th><th>bytes</th><th>content</th></tr>
 * <tr><td>0</td><td>8</td><td>magic: {@code TARTAN\r\n}</td></tr>
 * <tr><td>8</td><td>4</td><td>format version: 1. A reader refuses a greater one</td></tr>
 * <tr><td>12</td><td>4</td><td>component, see {@link dev.tartan.segment.Component#code}</td></tr>
 * <tr><td>16</td><td>4</td><td>element type: 1 float32, 2 float16, 3 int32, 4 int64, 5 uint16, 6 uint8</td></tr>
 * <tr><td>20</td><td>4</td><td>zero</td></tr>
 * <tr><td>24</td><td>8</td><td>rows</td></tr>
 * <tr><td>32</td><td>8</td><td>bytes a row</td></tr>
 * <tr><td>40</td><td>4</td><td>CRC-32C of the array</td></tr>
 * <tr><td>44</td><td>4</td><td>CRC-32C of the header with these four bytes zero</td></tr>
 * <tr><td>48</td><td>16</td><td>zeros</td></tr>
 * </table>
 *
 * <h2>The codec file</h2>
 *
 * {@code codec-N.codec}, which any number of segments share: float32 rows of {@code dim}. First the
 * bucket cutoffs ({@code 2^nbits - 1} values, ascending), then the bucket weights ({@code
 * 2^nbits}), each padded with zeros to whole rows; then, if the manifest's codec entry says {@code
 * rotation}, two {@code dim x dim} matrices, see {@link dev.tartan.codec.Rotation}: what token
 * embeddings are multiplied by before they are compared with the centroids and compressed, and what
 * queries are; then the centroids, one a row. An uncompressed codec (nbits 16) has centroids only.
 * The entry's {@code kind} says how the tables were made; a reader refuses a kind that it does not
 * know.
 *
 * <h2>Segment files</h2>
 *
 * {@code segment-N.EXTENSION}, one a component; {@link dev.tartan.segment.Component} lists
 * extensions, types and shapes. Passages are numbered from 0 in the order of their documents; the
 * tokens of a passage follow each other, passage after passage, without padding. Codes take two
 * bytes up to 65,536 centroids, else four.
 *
 * <p>A residual row has {@code dim * nbits / 8} bytes, a stream of bits that fills each byte from
 * its lowest: dimension d has bits {@code [d * nbits, (d + 1) * nbits)}, the lowest of its number
 * first. Reversing the bits of every byte gives the published order of colbert-ai. {@code factors}
 * holds one float16 a token: with codec kind {@code tartan} what the weights of the token are
 * multiplied by; with {@code colbertv2} the inverse norm of centroid + weights, which saves
 * computing it.
 *
 * <p>Inverted lists: the list of centroid c has {@code listlengths[c]} passages, those with a token
 * of code c, ascending and each once; the lists stand one after the other in {@code lists}.
 *
 * <p>External ids and texts are UTF-8 bytes; entry i is {@code [offsets[i], offsets[i + 1])}. Texts
 * may be absent.
 *
 * <p>{@code spans}: for each passage {@code from} and {@code to}, the UTF-16 code units {@code
 * [from, to)} of its document's text as it was given, the title not counted; the passages of a
 * document ascend by both. Absent where embeddings were brought, and in indexes of earlier builds.
 * What {@code text} holds is what was encoded: the title and that part, white space squeezed.
 *
 * <p>{@code idorder}: the documents by ascending CRC-32C of their ids, equal ones by number; an id
 * is found in it by halving. Absent in segments of earlier builds, whose order is made in memory
 * when it is asked for.
 *
 * <p>{@code metadata}: the JSON object of each document as it was given, empty for none; absent
 * where no document has any. {@code fields}: the columns over them, a blob that {@link
 * dev.tartan.metadata} describes. The manifest's {@code fields} say the type of each field of the
 * index, and whether the user declared it.
 *
 * <p>{@code embeddings} stand beside the residuals where the index keeps what it was made of.
 *
 * <h2>Deletions</h2>
 *
 * {@code segment-N.C.live}, of commit C: a bit for each document of segment N, set while it lives.
 * A segment without such a file is whole. Deleted documents stay in the other files until the
 * segment is merged. An id lives once in an index, so a document is updated by deleting it and
 * adding it again in one commit.
 *
 * <h2>The manifest</h2>
 *
 * JSON with the fields of {@link dev.tartan.segment.Manifest}, {@code "checksum"} first: CRC-32C of
 * the file with the eight hexadecimal digits of the checksum set to zeros.
 *
 * <p>Format 2. In format 1, which is read too, {@code "codec"} stood for {@code "codecs"} and every
 * segment had that one. The last of the codecs compresses what is added; the others are those of
 * earlier segments. {@code "training"} of a codec and {@code "fit"} of a segment say how near
 * tokens are to their centroids ({@link dev.tartan.segment.CodecFit}).
 *
 * <p>{@code "split"} is the most word pieces of a passage where documents were split, else absent;
 * {@code "overlap"} and {@code "splitBy"} say how ({@link dev.tartan.segment.Manifest.Source}).
 *
 * <p>{@code "search"} holds the curves of recall: for each {@code k} that was measured, ascending,
 * points of ascending {@code recall}, each with the cheapest settings that reach it, {@code
 * nprobe}, {@code ndocs} and {@code scored} ({@link dev.tartan.segment.Manifest.SearchEntry}). It
 * is empty until the index has been calibrated. Entries without {@code scored} are of an older
 * build and count for nothing.
 *
 * <h2>Commits</h2>
 *
 * New files are written and forced to disk; the manifest is written aside, forced, renamed over the
 * old one, and the directory is forced. A crash at any instant leaves the previous commit. Then the
 * files of the previous commit are unlinked; a reader that has them mapped keeps them.
 *
 * <p>Floor 4: imports {@code codec}, {@code collection}, {@code compute} and {@code memory}.
 */
@NullMarked
package dev.tartan.segment;

import org.jspecify.annotations.NullMarked;
