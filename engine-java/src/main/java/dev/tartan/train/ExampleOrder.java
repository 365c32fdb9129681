package dev.tartan.train;

import java.util.SplittableRandom;

/**
 * Which examples each step takes: the numbers 0 to count - 1, shuffled anew for each epoch, one
 * epoch after another. Follows from the seed and the step alone.
 */
final class ExampleOrder {
  private final int count;
  private final long seed;
  private long epoch = -1;
  private int[] order = {};

  ExampleOrder(int count, long seed) {
    this.count = count;
    this.seed = seed;
  }

  /** The examples of a step; the next one's follow them. */
  int[] batch(int step, int size) {
    int[] batch = new int[size];
    for (int i = 0; i < size; i++) {
      long place = (long) step * size + i;
      shuffle(place / count);
      batch[i] = order[(int) (place % count)];
    }
    return batch;
  }

  private void shuffle(long wanted) {
    if (wanted == epoch) {
      return;
    }
    epoch = wanted;
    order = new int[count];
    SplittableRandom random = new SplittableRandom(mix(seed, epoch));
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
  }

  /** A seed for one of many draws that have nothing in common. */
  static long mix(long seed, long number) {
    return new SplittableRandom(seed * 0x9E3779B97F4A7C15L + number).nextLong();
  }
}
