package dev.tartan.search;

import dev.tartan.memory.Layouts;
import dev.tartan.metadata.Filter;
import dev.tartan.segment.Bits;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.function.IntPredicate;

/**
 * The living documents of a snapshot that a search may find, as a bit for each of their passages.
 * Immutable; good for any number of searches of that snapshot.
 */
public final class Selection {
  private final Snapshot snapshot;
  private final MemorySegment[] bits;
  private final long[] counts;
  private final long passages;

  private Selection(Snapshot snapshot, long[][] words) {
    this.snapshot = snapshot;
    this.bits = new MemorySegment[words.length];
    this.counts = new long[words.length];
    long sum = 0;
    for (int s = 0; s < words.length; s++) {
      MemorySegment live = snapshot.segments().get(s).livePassages();
      for (int w = 0; w < words[s].length; w++) {
        words[s][w] &= live == null ? -1 : live.getAtIndex(Layouts.I64, w);
        counts[s] += Long.bitCount(words[s][w]);
      }
      bits[s] = MemorySegment.ofArray(words[s]);
      sum += counts[s];
    }
    this.passages = sum;
  }

  /** The documents with these external ids; ids that are not in the index select nothing. */
  public static Selection ofIds(Snapshot snapshot, Collection<String> ids) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      long[][] words = words(snapshot);
      for (String id : ids) {
        Snapshot.Place place = snapshot.find(id);
        if (place != null) {
          Segment segment = snapshot.segments().get(place.segment());
          int document = place.document();
          int p = segment.firstPassage(document);
          for (; p < segment.passages() && segment.document(p) == document; p++) {
            set(words[place.segment()], p);
          }
        }
      }
      return new Selection(snapshot, words);
    }
  }

  /**
   * The documents of which a filter is true.
   *
   * @throws dev.tartan.memory.TartanException if it asks for a field that there is not, or compares
   *     one with a value of another type
   */
  public static Selection of(Snapshot snapshot, Filter filter) {
    snapshot.manifest().schema().check(filter);
    return of(
        snapshot,
        s -> {
          Segment segment = snapshot.segments().get(s);
          long[] found = new long[Math.toIntExact(Bits.words(segment.documents()))];
          segment.matching(filter).forEach((int d) -> found[d >>> 6] |= 1L << d);
          return d -> (found[d >>> 6] & 1L << d) != 0;
        });
  }

  /** Which documents of a segment are wanted. */
  public interface Wanted {
    /** A test of document numbers of a segment of the snapshot. */
    IntPredicate in(int segment);
  }

  /** The documents that pass a test. */
  public static Selection of(Snapshot snapshot, Wanted wanted) {
    try (Snapshot.Lease _ = snapshot.lease()) {
      long[][] words = words(snapshot);
      for (int s = 0; s < words.length; s++) {
        Segment segment = snapshot.segments().get(s);
        IntPredicate test = wanted.in(s);
        for (int p = 0; p < segment.passages(); p++) {
          if (test.test(segment.document(p))) {
            set(words[s], p);
          }
        }
      }
      return new Selection(snapshot, words);
    }
  }

  private static long[][] words(Snapshot snapshot) {
    return snapshot.segments().stream()
        .map(segment -> new long[(segment.passages() + Long.SIZE - 1) / Long.SIZE])
        .toArray(long[][]::new);
  }

  private static void set(long[] words, int passage) {
    words[passage >>> 6] |= 1L << passage;
  }

  /** What it was selected of. */
  Snapshot snapshot() {
    return snapshot;
  }

  /** Passages of the selected documents. */
  public long passages() {
    return passages;
  }

  /** Those in a segment. */
  long passages(int segment) {
    return counts[segment];
  }

  /** I64 words of a segment: bit p % 64 of word p / 64 is set if passage p is selected. */
  MemorySegment bits(int segment) {
    return bits[segment];
  }
}
