package dev.tartan.search;

import dev.tartan.compute.Candidates;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Cuts the candidates of several segments to the best of them all, so that an index of many
 * segments does the work of an index of one. Memory is that of the largest cut so far. Confined to
 * one thread.
 */
final class SharedCut {
  private int[] passages = new int[0];
  private float[] scores = new float[0];
  private float[] order = new float[0];
  private int[] ends = new int[0];
  private MemorySegment passageMemory = MemorySegment.NULL;
  private MemorySegment scoreMemory = MemorySegment.NULL;

  /**
   * Leaves the {@code keep} best of each query that has more: ties to the lower segment, then
   * passage; NaN and negative infinity are dropped.
   */
  void cut(List<SegmentSearch> segments, long keep) {
    for (int s = 0; s < segments.size(); s++) {
      segments.get(s).cut(keep); // what is left is few
    }
    for (int q = 0; segments.size() > 1 && q < segments.getFirst().found().queries(); q++) {
      if (count(segments, q) > keep) {
        cut(segments, q, (int) keep);
      }
    }
  }

  /** Candidates of a query in all segments. */
  static long count(List<SegmentSearch> segments, int query) {
    long count = 0;
    for (int s = 0; s < segments.size(); s++) {
      count += segments.get(s).found().count(query);
    }
    return count;
  }

  /** The most candidates that any query has in all segments. */
  static long largest(List<SegmentSearch> segments) {
    long largest = 0;
    if (!segments.isEmpty()) {
      for (int q = 0; q < segments.getFirst().found().queries(); q++) {
        largest = Math.max(largest, count(segments, q));
      }
    }
    return largest;
  }

  private void cut(List<SegmentSearch> segments, int query, int keep) {
    int n = gather(segments, query);
    int counted = 0;
    for (int i = 0; i < n; i++) {
      if (scores[i] > Float.NEGATIVE_INFINITY) { // not NaN either
        order[counted++] = scores[i];
      }
    }
    float threshold = Float.NEGATIVE_INFINITY;
    int ties = 0;
    if (counted > keep) {
      threshold = greatest(counted, keep);
      ties = keep;
      for (int i = 0; i < counted; i++) {
        ties -= order[i] > threshold ? 1 : 0;
      }
    }
    int from = 0;
    for (int s = 0; s < segments.size(); s++) {
      int to = from;
      for (int i = from; i < ends[s]; i++) {
        if (scores[i] > threshold || (scores[i] == threshold && ties-- > 0)) {
          passages[to] = passages[i];
          scores[to++] = scores[i];
        }
      }
      put(segments.get(s).found(), query, from, to - from);
      from = ends[s];
    }
  }

  /**
   * The value of rank {@code rank}, from 1, of the first {@code n} of {@code order}: quickselect.
   */
  private float greatest(int n, int rank) {
    int low = 0;
    int high = n - 1;
    while (low < high) {
      float pivot = order[(low + high) >>> 1];
      int i = low;
      int j = high;
      while (i <= j) {
        while (order[i] > pivot) {
          i++;
        }
        while (order[j] < pivot) {
          j--;
        }
        if (i <= j) {
          float swapped = order[i];
          order[i++] = order[j];
          order[j--] = swapped;
        }
      }
      if (rank - 1 <= j) {
        high = j;
      } else if (rank - 1 >= i) {
        low = i;
      } else {
        break;
      }
    }
    return order[rank - 1];
  }

  private int gather(List<SegmentSearch> segments, int query) {
    room(Math.toIntExact(count(segments, query)), segments.size());
    int n = 0;
    for (int s = 0; s < segments.size(); s++) {
      Candidates found = segments.get(s).found();
      int count = (int) found.count(query);
      long first = query * found.capacity();
      found.passages().copyRowsTo(first, count, passageMemory.asSlice(4L * n, 4L * count));
      found.scores().copyRowsTo(first, count, scoreMemory.asSlice(4L * n, 4L * count));
      n += count;
      ends[s] = n;
    }
    return n;
  }

  private void put(Candidates found, int query, int from, int count) {
    if (found.count(query) == count) {
      return;
    }
    long first = query * found.capacity();
    found.passages().slice(first, count).copyFrom(passageMemory.asSlice(4L * from, 4L * count));
    found.scores().slice(first, count).copyFrom(scoreMemory.asSlice(4L * from, 4L * count));
    found.setCount(query, count);
  }

  private void room(int n, int segments) {
    if (passages.length < n) {
      passages = new int[2 * n];
      scores = new float[2 * n];
      order = new float[2 * n];
      passageMemory = MemorySegment.ofArray(passages);
      scoreMemory = MemorySegment.ofArray(scores);
    }
    if (ends.length < segments) {
      ends = new int[segments];
    }
  }
}
