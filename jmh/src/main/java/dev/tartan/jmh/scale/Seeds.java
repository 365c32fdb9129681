package dev.tartan.jmh.scale;

/** Random numbers as functions of their place, so that nothing has to be drawn in order. */
final class Seeds {
  private Seeds() {}

  /** 64 random bits for {@code place} under {@code seed} (SplitMix64's finaliser, twice). */
  static long mix(long seed, long place) {
    return mix(mix(seed + 0x9E3779B97F4A7C15L) ^ place * 0xD1B54A32D192ED03L);
  }

  /** Uniform in [0, bound). */
  static int below(long bits, int bound) {
    return (int) (((bits >>> 32) * bound) >>> 32);
  }

  /** Uniform in (0, 1]. */
  static double unit(long bits) {
    return ((bits >>> 11) + 1) * 0x1p-53;
  }

  private static long mix(long z) {
    long a = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ a >>> 27) * 0x94D049BB133111EBL;
    return b ^ b >>> 31;
  }
}
