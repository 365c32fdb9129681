package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.io.Closeable;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** One pass over a {@link Collection}. Confined to one thread. */
public final class DocumentReader implements Iterator<Document>, Closeable {
  private final Lines lines;
  private final RecordReader records;
  private @Nullable Document ahead;
  private long documents;
  private long kibibytes;

  DocumentReader(Lines lines) {
    this.lines = lines;
    try {
      this.records = new RecordReader(lines, 3);
    } catch (RuntimeException e) {
      lines.close();
      throw e;
    }
  }

  /**
   * Whether another document follows; reads it.
   *
   * @throws TartanException that names file and line if that line is not a document, or names the
   *     file if it holds no document at all
   */
  @Override
  public boolean hasNext() {
    if (ahead == null) {
      ahead = records.next();
      if (ahead == null && documents == 0) {
        throw lines.badFile("holds no documents");
      }
    }
    return ahead != null;
  }

  /**
   * The next document.
   *
   * @throws TartanException as {@link #hasNext}
   */
  @Override
  public Document next() {
    if (!hasNext() || ahead == null) {
      throw new NoSuchElementException();
    }
    Document document = ahead;
    ahead = null;
    documents++;
    return document;
  }

  /** Documents returned so far. */
  public long documents() {
    return documents;
  }

  /** The line read last, from 1; right after {@link #next}, that of the document returned. */
  public long lineNumber() {
    return lines.number();
  }

  /** Bytes of the file read so far, compressed ones if it is; runs ahead by a buffer. */
  public long bytesRead() {
    return lines.bytesRead();
  }

  /** KiB of the file read since the last call: a step of progress. */
  public long newKibibytes() {
    long before = kibibytes;
    kibibytes = bytesRead() >> 10;
    return kibibytes - before;
  }

  /** Bytes of the file, to set {@link #bytesRead} against; -1 for a pipe. */
  public long totalBytes() {
    return lines.totalBytes();
  }

  @Override
  public void close() {
    lines.close();
  }
}
