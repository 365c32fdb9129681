package dev.tartan.cli;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Files that appear under their names when all of them are complete; until then they are beside
 * them as NAME.part, so that a failure leaves what was there. Confined to one thread.
 */
final class NewFiles implements AutoCloseable {
  private final Map<Path, Path> parts = new LinkedHashMap<>();

  /**
   * Where to write what shall become {@code target}; created empty, so that a place that cannot be
   * written fails before the work. A device or a pipe is written as it is.
   */
  Path add(Path target) {
    if (Files.isDirectory(target)) {
      throw new TartanException("cannot write " + target + ": is a directory; name a file");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      return target;
    }
    Path part = target.resolveSibling(target.getFileName() + ".part");
    try {
      Files.write(part, new byte[0]);
      part.toFile().deleteOnExit(); // at Ctrl-C too
    } catch (IOException e) {
      throw TartanException.io("cannot write " + target, e);
    }
    if (parts.put(part, target) != null) {
      throw new TartanException("two results cannot both go to " + target);
    }
    return part;
  }

  /** Gives the files their names. */
  void publish() {
    for (Map.Entry<Path, Path> entry : parts.entrySet()) {
      try {
        Files.move(entry.getKey(), entry.getValue(), StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw TartanException.io("cannot write " + entry.getValue(), e);
      }
    }
    parts.clear();
  }

  /** Removes what was not published. */
  @Override
  public void close() {
    for (Path part : parts.keySet()) {
      try {
        Files.deleteIfExists(part);
      } catch (IOException e) {
        throw TartanException.io("cannot remove " + part, e);
      }
    }
  }
}
