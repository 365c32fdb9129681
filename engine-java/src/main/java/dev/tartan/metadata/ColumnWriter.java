package dev.tartan.metadata;

import dev.tartan.metadata.Directory.Entry;
import dev.tartan.metadata.Directory.Place;
import dev.tartan.metadata.Value.Text;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.roaringbitmap.RangeBitmap;
import org.roaringbitmap.RoaringBitmap;
import org.roaringbitmap.RoaringBitmapWriter;

/** The values of one field on their way to a column: 12 bytes a value, and the distinct strings. */
final class ColumnWriter {
  private final String name;
  private final FieldType type;
  private final Map<String, Integer> strings = new HashMap<>();

  /** Of value i: its document, and its key or the number of its string. */
  private int[] documents = new int[16];

  private long[] keys = new long[16];
  private int n;

  ColumnWriter(String name, FieldType type) {
    this.name = name;
    this.type = type;
  }

  /** Documents ascend. */
  void add(int document, List<Value> values) {
    for (Value value : values) {
      if (n == keys.length) {
        documents = Arrays.copyOf(documents, 2 * n);
        keys = Arrays.copyOf(keys, 2 * n);
      }
      documents[n] = document;
      keys[n++] =
          type.isText() && value instanceof Text text
              ? strings.computeIfAbsent(text.value(), _ -> strings.size())
              : type.key(value);
    }
  }

  /**
   * Writes the sections of the column.
   *
   * @param all documents of the segment
   */
  Entry write(BlobOutput out, int all) {
    RoaringBitmap exists = exists();
    int having = exists.getCardinality();
    long start = out.position();
    out.write(exists);
    Place existing = out.since(start);
    if (type.isText()) {
      byte[][] texts = rankStrings();
      Place offsets = writeOffsets(out, texts);
      start = out.position();
      for (byte[] text : texts) {
        out.write(text);
      }
      return withPostings(
          out,
          new Entry(
              name,
              type,
              having,
              texts.length,
              existing,
              offsets,
              out.since(start),
              null,
              null,
              null));
    }
    long[] distinct = Arrays.stream(keys, 0, n).sorted().distinct().toArray();
    start = out.position();
    for (long key : distinct) {
      out.writeLong(key);
    }
    Place places = out.since(start);
    for (int i = 0; i < n; i++) {
      keys[i] = Arrays.binarySearch(distinct, keys[i]);
    }
    Entry entry =
        new Entry(name, type, having, distinct.length, existing, places, null, null, null, null);
    return type == FieldType.NUMBER || type == FieldType.DATE
        ? withRanks(out, entry, all)
        : withPostings(out, entry);
  }

  private RoaringBitmap exists() {
    RoaringBitmapWriter<RoaringBitmap> writer = RoaringBitmapWriter.writer().get();
    for (int i = 0; i < n; i++) {
      if (i == 0 || documents[i] != documents[i - 1]) {
        writer.add(documents[i]);
      }
    }
    return writer.get();
  }

  /** The strings in order; from then on keys are their places in it. */
  private byte[][] rankStrings() {
    byte[][] texts = new byte[strings.size()][];
    strings.forEach((text, number) -> texts[number] = text.getBytes(StandardCharsets.UTF_8));
    int[] order =
        IntStream.range(0, texts.length)
            .boxed()
            .sorted((a, b) -> Arrays.compareUnsigned(texts[a], texts[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    int[] ranks = new int[order.length];
    byte[][] sorted = new byte[order.length][];
    for (int rank = 0; rank < order.length; rank++) {
      ranks[order[rank]] = rank;
      sorted[rank] = texts[order[rank]];
    }
    for (int i = 0; i < n; i++) {
      keys[i] = ranks[(int) keys[i]];
    }
    return sorted;
  }

  private static Place writeOffsets(BlobOutput out, byte[][] texts) {
    long start = out.position();
    long offset = 0;
    out.writeLong(0);
    for (byte[] text : texts) {
      offset += text.length;
      out.writeLong(offset);
    }
    return out.since(start);
  }

  /** Documents without the field have the one number that takes no room. */
  private Entry withRanks(BlobOutput out, Entry entry, int all) {
    long none = Long.highestOneBit(entry.distinct()) * 2 - 1; // all bits set, above every rank
    RangeBitmap.Appender appender = RangeBitmap.appender(none);
    int i = 0;
    for (int document = 0; document < all; document++) {
      appender.add(i < n && documents[i] == document ? keys[i++] : none);
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(appender.serializedSizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
    appender.serialize(bytes);
    long start = out.position();
    out.write(bytes.flip());
    return new Entry(
        name,
        type,
        entry.having(),
        entry.distinct(),
        entry.exists(),
        entry.keys(),
        null,
        out.since(start),
        null,
        null);
  }

  private Entry withPostings(BlobOutput out, Entry entry) {
    int[] first = new int[entry.distinct() + 1];
    for (int i = 0; i < n; i++) {
      first[(int) keys[i] + 1]++;
    }
    Arrays.parallelPrefix(first, Integer::sum);
    int[] next = first.clone();
    int[] posted = new int[n];
    for (int i = 0; i < n; i++) { // documents ascend, so they do in each list
      posted[next[(int) keys[i]]++] = documents[i];
    }
    long[] starts = new long[first.length];
    long start = out.position();
    for (int rank = 0; rank < entry.distinct(); rank++) {
      writePosting(out, posted, first[rank], first[rank + 1]);
      starts[rank + 1] = out.position() - start;
    }
    Place postings = out.since(start);
    start = out.position();
    for (long offset : starts) {
      out.writeLong(offset);
    }
    return new Entry(
        name,
        type,
        entry.having(),
        entry.distinct(),
        entry.exists(),
        entry.keys(),
        entry.text(),
        null,
        out.since(start),
        postings);
  }

  private static void writePosting(BlobOutput out, int[] posted, int from, int to) {
    if (posted[from] == posted[to - 1]) { // one document, if with the same element more than once
      out.writeInt(posted[from]);
      return;
    }
    RoaringBitmapWriter<RoaringBitmap> writer = RoaringBitmapWriter.writer().get();
    for (int i = from; i < to; i++) {
      if (i == from || posted[i] != posted[i - 1]) {
        writer.add(posted[i]);
      }
    }
    out.write(writer.get());
  }
}
