package dev.tartan.interop;

import dev.tartan.memory.TartanException;
import java.nio.file.Path;

/**
 * How the entries of a list belong to passages. Where passages were deleted, some lists still have
 * an entry for every passage that ever was, others only for those that are left.
 *
 * @param passages all that ever were
 * @param living those that have tokens
 */
record Numbering(int passages, int living) {
  /**
   * Whether a list of {@code entries} is of the living passages, not of all.
   *
   * @param remedy what to do if it is neither
   * @throws TartanException if it is neither
   */
  boolean livingOnly(Path file, String what, int entries, String remedy) {
    if (entries == passages) {
      return false;
    }
    if (entries == living) {
      return true;
    }
    throw new TartanException(
        "%s has %d %s for %d passages%s; %s"
            .formatted(
                file,
                entries,
                what,
                passages,
                living == passages ? "" : ", of which %d have tokens".formatted(living),
                remedy));
  }
}
