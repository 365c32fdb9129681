package dev.tartan.metadata;

import dev.tartan.memory.TartanException;
import java.util.Arrays;

/** A pattern of {@link Filter.Like}, to be matched against many strings. */
final class LikePattern {
  static final String ENDS_OPEN = "the pattern ends with a backslash; write \\\\ for one";

  private static final int ANY = -1; // one character
  private static final int RUN = -2; // any number of them

  /** Code points, or what stands for them. */
  private final int[] parts;

  private LikePattern(int[] parts) {
    this.parts = parts;
  }

  /**
   * Reads a pattern.
   *
   * @throws TartanException if it ends with a backslash that is not itself after one
   */
  static LikePattern of(String pattern) {
    int[] points = pattern.codePoints().toArray();
    int[] parts = new int[points.length];
    int n = 0;
    for (int i = 0; i < points.length; i++) {
      boolean escaped = points[i] == '\\';
      if (escaped && ++i == points.length) {
        throw new TartanException("filter: " + ENDS_OPEN);
      }
      parts[n++] = escaped ? points[i] : part(points[i]);
    }
    return new LikePattern(Arrays.copyOf(parts, n));
  }

  /** Whether a pattern ends with a backslash that is not itself after one. */
  static boolean endsOpen(String pattern) {
    int slashes = 0;
    while (slashes < pattern.length() && pattern.charAt(pattern.length() - 1 - slashes) == '\\') {
      slashes++;
    }
    return slashes % 2 == 1;
  }

  private static int part(int point) {
    return point == '_' ? ANY : point == '%' ? RUN : point;
  }

  /** What every string that matches begins with. */
  String prefix() {
    int n = 0;
    while (n < parts.length && parts[n] >= 0) {
      n++;
    }
    return new String(parts, 0, n);
  }

  /** Whether the whole of {@code text} matches. In at most text * pattern steps. */
  boolean matches(String text) {
    int[] points = text.codePoints().toArray();
    int at = 0;
    int part = 0;
    int run = -1; // the last run met, and where in the text it began or was taken up again
    int taken = 0;
    while (at < points.length) {
      if (part < parts.length && (parts[part] == ANY || parts[part] == points[at])) {
        at++;
        part++;
      } else if (part < parts.length && parts[part] == RUN) {
        run = part++;
        taken = at;
      } else if (run >= 0) {
        part = run + 1; // the run takes one more
        at = ++taken;
      } else {
        return false;
      }
    }
    while (part < parts.length && parts[part] == RUN) {
      part++;
    }
    return part == parts.length;
  }
}
