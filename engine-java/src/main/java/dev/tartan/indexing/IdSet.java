package dev.tartan.indexing;

import dev.tartan.memory.TartanException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The external ids seen so far, as 128-bit hashes in one open-addressed table: 16 to 32 bytes an id
 * whatever its length. That two different ids of a billion share a hash has a probability of about
 * 10^-21.
 */
public final class IdSet {
  private long[] table = new long[1 << 12];
  private int size;

  /** Adds {@code id}; false if it was there. */
  public boolean add(String id) {
    if (size * 4L > table.length) { // two longs an entry: at most half full
      grow();
    }
    byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
    long high = hash(bytes, 0x9E3779B97F4A7C15L) | 1; // zero marks an empty slot
    long low = hash(bytes, 0xC2B2AE3D27D4EB4FL);
    if (!insert(table, high, low)) {
      return false;
    }
    size++;
    return true;
  }

  /**
   * Adds the id of the next document.
   *
   * @throws TartanException if it is blank or was there
   */
  public void require(String id) {
    if (id.isBlank()) {
      throw new TartanException(
          "document %d has a blank id; every document needs one".formatted(size + 1));
    }
    if (!add(id)) {
      throw new TartanException(
          "duplicate id '%s': document %d has the id of an earlier one; ids must be unique"
              .formatted(id, size + 1));
    }
  }

  private void grow() {
    long[] old = table;
    table = new long[Math.multiplyExact(old.length, 2)];
    for (int i = 0; i < old.length; i += 2) {
      if (old[i] != 0) {
        insert(table, old[i], old[i + 1]);
      }
    }
  }

  private static boolean insert(long[] table, long high, long low) {
    int mask = table.length / 2 - 1;
    int slot = (int) (low >>> 20) & mask;
    while (table[2 * slot] != 0) {
      if (table[2 * slot] == high && table[2 * slot + 1] == low) {
        return false;
      }
      slot = (slot + 1) & mask;
    }
    table[2 * slot] = high;
    table[2 * slot + 1] = low;
    return true;
  }

  /** A multiply-xorshift hash over 8 bytes a round. */
  private static long hash(byte[] bytes, long seed) {
    long h = seed ^ bytes.length;
    byte[] padded = Arrays.copyOf(bytes, (bytes.length + 7) / 8 * 8);
    for (int i = 0; i < padded.length; i += 8) {
      long word = 0;
      for (int b = 7; b >= 0; b--) {
        word = word << 8 | Byte.toUnsignedLong(padded[i + b]);
      }
      h = mix(h ^ mix(word * 0xBF58476D1CE4E5B9L + seed));
    }
    return mix(h);
  }

  private static long mix(long h) {
    long a = (h ^ h >>> 30) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ a >>> 27) * 0x94D049BB133111EBL;
    return b ^ b >>> 31;
  }
}
