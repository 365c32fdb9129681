package dev.tartan.compute;

import dev.tartan.memory.DType;

/**
 * Passages of one segment under consideration for each query of a batch, with their scores of the
 * last stage. The entries of query q are {@code [q * capacity, q * capacity + count(q))} of both
 * arrays.
 */
public final class Candidates {
  private final Buffer passages;
  private final Buffer scores;
  private final long capacity;
  private final long[] counts;

  private Candidates(Buffer passages, Buffer scores, long capacity, int queries) {
    this.passages = passages;
    this.scores = scores;
    this.capacity = capacity;
    this.counts = new long[queries];
  }

  /** Room for {@code capacity} passages a query, empty. */
  public static Candidates allocate(Scope scope, int queries, long capacity) {
    long room = Math.max(1, capacity);
    return new Candidates(
        scope.allocate(DType.I32, queries * room, 1),
        scope.allocate(DType.F32, queries * room, 1),
        room,
        queries);
  }

  /** I32 [queries * capacity, 1]. */
  public Buffer passages() {
    return passages;
  }

  /** F32 [queries * capacity, 1]; undefined until a scoring stage has run. */
  public Buffer scores() {
    return scores;
  }

  public long capacity() {
    return capacity;
  }

  public int queries() {
    return counts.length;
  }

  public long count(int query) {
    return counts[query];
  }

  /** The greatest count of any query. */
  public long largest() {
    long largest = 0;
    for (long count : counts) {
      largest = Math.max(largest, count);
    }
    return largest;
  }

  /** Set by the backend, or by a caller that has copied passage numbers in. */
  public void setCount(int query, long count) {
    if (count < 0 || count > capacity) {
      throw new IllegalArgumentException(
          count + " candidates do not fit a capacity of " + capacity);
    }
    counts[query] = count;
  }
}
