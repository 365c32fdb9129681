package dev.tartan.metadata;

import dev.tartan.memory.Layouts;
import dev.tartan.metadata.Directory.Entry;
import dev.tartan.metadata.Directory.Place;
import dev.tartan.metadata.Value.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.BitSetUtil;
import org.roaringbitmap.RangeBitmap;
import org.roaringbitmap.RoaringBitmap;

/**
 * One column of a blob. What is damaged shows as an unchecked exception of some kind, which {@link
 * Columns} turns into a message.
 */
final class Column {
  /** Postings that are joined one by one; more of them bit by bit. */
  private static final int FEW = 8;

  private final Entry entry;
  private final int documents;
  private final FieldType type;
  private final int distinct;
  private final MemorySegment exists;
  private final MemorySegment keys;
  private final @Nullable MemorySegment text;
  private final @Nullable MemorySegment ranks;
  private final MemorySegment starts;
  private final MemorySegment postings;

  Column(Entry entry, MemorySegment blob, int documents) {
    this.entry = entry;
    this.documents = documents;
    this.type = entry.type();
    this.distinct = entry.distinct();
    this.exists = section(blob, entry.exists());
    this.keys = section(blob, entry.keys());
    this.text = entry.text() == null ? null : section(blob, entry.text());
    this.ranks = entry.ranks() == null ? null : section(blob, entry.ranks());
    this.starts = section(blob, entry.starts());
    this.postings = section(blob, entry.postings());
    int offsets = type.isText() ? distinct + 1 : distinct;
    if (distinct < 1
        || keys.byteSize() != (long) offsets * Long.BYTES
        || (text != null) != type.isText()
        || (ranks == null && starts.byteSize() != (distinct + 1L) * Long.BYTES)) {
      throw new IllegalArgumentException("sections of other sizes");
    }
  }

  private static MemorySegment section(MemorySegment blob, @Nullable Place place) {
    return place == null ? MemorySegment.NULL : blob.asSlice(place.offset(), place.length());
  }

  Entry entry() {
    return entry;
  }

  /** The documents that have the field. */
  RoaringBitmap exists() {
    return read(exists);
  }

  /** The documents that have a value of {@code value}, or one that compares so with it. */
  RoaringBitmap compare(Filter.Operator operator, Value value) {
    int from =
        switch (operator) {
          case EQ, GE -> place(value, false);
          case GT -> place(value, true);
          default -> 0;
        };
    int to =
        switch (operator) {
          case LT -> place(value, false);
          case EQ, LE -> place(value, true);
          default -> distinct;
        };
    return documents(from, to);
  }

  /** The documents that have a string that matches. */
  RoaringBitmap like(LikePattern pattern) {
    byte[] prefix = pattern.prefix().getBytes(StandardCharsets.UTF_8);
    long[] found = words();
    for (int rank = textPlace(prefix, false); rank < distinct && begins(rank, prefix); rank++) {
      if (pattern.matches(string(rank))) {
        posting(rank).forEach((int d) -> found[d >>> 6] |= 1L << d);
      }
    }
    return BitSetUtil.bitmapOf(found);
  }

  /** The documents that have one of the values {@code [from, to)}, by their places. */
  private RoaringBitmap documents(int from, int to) {
    RoaringBitmap found = new RoaringBitmap();
    if (from >= to) {
      return found;
    }
    if (ranks != null) {
      RoaringBitmap between = RangeBitmap.map(ranks.asByteBuffer()).between(from, to - 1);
      return RoaringBitmap.and(between, exists());
    }
    if (to - from <= FEW) {
      for (int rank = from; rank < to; rank++) {
        found.or(posting(rank));
      }
      return found;
    }
    long[] words = words();
    for (int rank = from; rank < to; rank++) {
      posting(rank).forEach((int d) -> words[d >>> 6] |= 1L << d);
    }
    return BitSetUtil.bitmapOf(words);
  }

  /** A bit for each document. */
  private long[] words() {
    return new long[(documents >>> 6) + 1];
  }

  /** The documents that have the value at a place. */
  private RoaringBitmap posting(int rank) {
    long start = starts.getAtIndex(Layouts.I64, rank);
    MemorySegment bytes = postings.asSlice(start, starts.getAtIndex(Layouts.I64, rank + 1) - start);
    return bytes.byteSize() == Integer.BYTES
        ? RoaringBitmap.bitmapOf(bytes.get(Layouts.I32, 0))
        : read(bytes);
  }

  private static RoaringBitmap read(MemorySegment bytes) {
    RoaringBitmap bitmap = new RoaringBitmap();
    try {
      bitmap.deserialize(bytes.asByteBuffer());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bitmap;
  }

  /** The first place whose key is not below {@code value}'s, or is {@code above} it. */
  private int place(Value value, boolean above) {
    if (type.isText() && value instanceof Text wanted) {
      return textPlace(wanted.value().getBytes(StandardCharsets.UTF_8), above);
    }
    long key = type.key(value);
    int low = 0;
    int high = distinct;
    while (low < high) {
      int middle = (low + high) >>> 1;
      long here = keys.getAtIndex(Layouts.I64, middle);
      if (here < key || (above && here == key)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private int textPlace(byte[] wanted, boolean above) {
    MemorySegment sought = MemorySegment.ofArray(wanted);
    int low = 0;
    int high = distinct;
    while (low < high) {
      int middle = (low + high) >>> 1;
      int order = compare(bytes(middle), sought);
      if (order < 0 || (above && order == 0)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static int compare(MemorySegment a, MemorySegment b) {
    long at = a.mismatch(b);
    if (at < 0) {
      return 0;
    }
    return at == a.byteSize() || at == b.byteSize()
        ? Long.compare(a.byteSize(), b.byteSize())
        : Byte.compareUnsigned(a.get(Layouts.U8, at), b.get(Layouts.U8, at));
  }

  private boolean begins(int rank, byte[] prefix) {
    MemorySegment bytes = bytes(rank);
    return bytes.byteSize() >= prefix.length
        && bytes.asSlice(0, prefix.length).mismatch(MemorySegment.ofArray(prefix)) < 0;
  }

  private String string(int rank) {
    return new String(bytes(rank).toArray(Layouts.U8), StandardCharsets.UTF_8);
  }

  private MemorySegment bytes(int rank) {
    if (text == null) {
      throw new IllegalArgumentException("no strings");
    }
    long start = keys.getAtIndex(Layouts.I64, rank);
    return text.asSlice(start, keys.getAtIndex(Layouts.I64, rank + 1) - start);
  }
}
