package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.io.Closeable;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of documents whose texts are elsewhere: a JSON object a line, in their order; a
 * blank line for a document without. Read once, as a stream; what the lines say is not looked at.
 * Confined to one thread.
 */
public final class MetadataLines implements Iterator<String>, Closeable {
  private final Lines lines;
  private @Nullable String ahead;

  private MetadataLines(Lines lines) {
    this.lines = lines;
  }

  /**
   * Opens a file, plain or gzip.
   *
   * @throws TartanException if it is missing or not readable
   */
  public static MetadataLines open(Path path) {
    return new MetadataLines(Lines.open(path));
  }

  @Override
  public boolean hasNext() {
    if (ahead == null) {
      ahead = lines.next();
    }
    return ahead != null;
  }

  @Override
  public String next() {
    if (!hasNext() || ahead == null) {
      throw new NoSuchElementException();
    }
    String line = ahead;
    ahead = null;
    return line;
  }

  @Override
  public void close() {
    lines.close();
  }
}
