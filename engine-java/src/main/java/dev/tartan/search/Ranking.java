package dev.tartan.search;

import dev.tartan.compute.Candidates;
import dev.tartan.segment.Segment;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The best passages of one query over all segments, best first (ties to the lower segment, then
 * passage), and the hits they make. Used again and again: nothing is allocated once it has room,
 * but for the hits.
 */
final class Ranking {
  private final List<Segment> segments;
  private Entries entries = new Entries(0);
  private Entries spare = new Entries(0);
  private Entries arrived = new Entries(0);
  private int size;
  private boolean cutShort;

  /** Open addressing: the documents that are in the hits already, as ranks plus one. */
  private int[] seen = new int[16];

  private int[] chosen = new int[0];
  private byte[] idRoom = new byte[64];

  Ranking(List<Segment> segments) {
    this.segments = segments;
  }

  void clear() {
    size = 0;
    cutShort = false;
  }

  /** Whether any segment had more passages to give. */
  boolean cutShort() {
    return cutShort;
  }

  /** Adds the passages of another segment, which are ordered best first. */
  void add(int segment, Candidates best, int query) {
    int n = Math.toIntExact(best.count(query));
    arrived = arrived.withRoom(n);
    long first = query * best.capacity();
    best.passages().copyRowsTo(first, n, arrived.passageMemory);
    best.scores().copyRowsTo(first, n, arrived.scoreMemory);
    Arrays.fill(arrived.segment, 0, n, segment);
    arrive(n);
  }

  /** Leaves the {@code keep} best, where there were {@code passages} to be found. */
  void cut(long keep, long passages) {
    cutShort |= size >= keep && keep < passages;
    size = (int) Math.min(size, keep);
  }

  /** Adds what another ranking of the same query has, of other segments. */
  void add(Ranking other) {
    cutShort |= other.cutShort;
    arrived = arrived.withRoom(other.size);
    for (int i = 0; i < other.size; i++) {
      arrived.copy(i, other.entries, i);
    }
    arrive(other.size);
  }

  private void arrive(int n) {
    if (size == 0) {
      Entries empty = entries;
      entries = arrived;
      arrived = empty;
      size = n;
    } else {
      merge(n);
    }
  }

  private void merge(int n) {
    spare = spare.withRoom(size + n);
    int a = 0;
    int b = 0;
    for (int i = 0; i < size + n; i++) {
      if (b == n || (a < size && !arrived.precedes(b, entries, a))) {
        spare.copy(i, entries, a++);
      } else {
        spare.copy(i, arrived, b++);
      }
    }
    Entries merged = spare;
    spare = entries;
    entries = merged;
    size += n;
  }

  /** The {@code k} best documents, each once, with its best passage. */
  List<Hit> hits(int k) {
    int n = choose(k);
    Hit[] hits = new Hit[n];
    for (int i = 0; i < n; i++) {
      hits[i] = hit(chosen[i]);
    }
    return Collections.unmodifiableList(Arrays.asList(hits));
  }

  private Hit hit(int rank) {
    int passage = entries.passage[rank];
    int number = entries.segment[rank];
    Segment segment = segments.get(number);
    int document = segment.document(passage);
    int bytes = segment.idBytes(document);
    if (bytes > idRoom.length) {
      idRoom = new byte[2 * bytes];
    }
    return new Hit(segment.id(document, idRoom), entries.score[rank], number, passage);
  }

  /** Ranks of the best passages of the {@code k} best documents; returns how many. */
  private int choose(int k) {
    if (chosen.length < Math.min(k, size)) {
      chosen = new int[Math.min(k, size)];
    }
    if (seen.length < 2 * size) {
      seen = new int[2 * Integer.highestOneBit(2 * size)];
    }
    Arrays.fill(seen, 0);
    int n = 0;
    for (int rank = 0; rank < size && n < k; rank++) {
      if (unseen(rank)) {
        chosen[n++] = rank;
      }
    }
    return n;
  }

  /** Whether no better rank is of the same document; notes the document. */
  private boolean unseen(int rank) {
    int number = entries.segment[rank]; // an id lives in one segment alone
    int document = segments.get(number).document(entries.passage[rank]);
    int mask = seen.length - 1;
    int at = (((document + 31 * number) * 0x9E3779B9) >>> 7) & mask;
    while (seen[at] != 0) {
      int other = seen[at] - 1;
      if (entries.segment[other] == number
          && segments.get(number).document(entries.passage[other]) == document) {
        return false;
      }
      at = (at + 1) & mask;
    }
    seen[at] = rank + 1;
    return true;
  }

  /** Scored passages, in arrays that a backend can copy to. */
  private static final class Entries {
    final int[] segment;
    final int[] passage;
    final float[] score;
    final MemorySegment passageMemory;
    final MemorySegment scoreMemory;

    Entries(int room) {
      segment = new int[room];
      passage = new int[room];
      score = new float[room];
      passageMemory = MemorySegment.ofArray(passage);
      scoreMemory = MemorySegment.ofArray(score);
    }

    Entries withRoom(int n) {
      return n <= passage.length ? this : new Entries(Math.max(n, 2 * passage.length));
    }

    /** Whether entry {@code at} stands before an entry of another segment. */
    boolean precedes(int at, Entries other, int otherAt) {
      return score[at] > other.score[otherAt]
          || (score[at] == other.score[otherAt] && segment[at] < other.segment[otherAt]);
    }

    void copy(int to, Entries from, int at) {
      segment[to] = from.segment[at];
      passage[to] = from.passage[at];
      score[to] = from.score[at];
    }
  }
}
