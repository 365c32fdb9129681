package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a UTF-8 text file, plain or gzip, one at a time and with their numbers. Strict:
 * bytes that are not UTF-8 are refused, since a silent replacement character would be indexed.
 */
final class Lines implements Closeable {
  /** Longer than any document; a file without line ends must not fill the memory. */
  static final int MAX_LINE = 64 << 20;

  private static final int BUFFER = 1 << 16;
  private static final int PEEK = 1 << 12;

  private final Path path;
  private final long totalBytes;
  private final Counting raw;
  private final InputStream in;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final byte[] buffer = new byte[BUFFER];
  private int position;
  private int limit;
  private byte[] line = new byte[1 << 12];
  private long number;

  private Lines(Path path, InputStream file) throws IOException {
    this.path = path;
    // A pipe has no size to tell.
    this.totalBytes = Files.isRegularFile(path) ? Files.size(path) : -1;
    this.raw = new Counting(file);
    BufferedInputStream start = new BufferedInputStream(raw, BUFFER);
    start.mark(2);
    // The magic and not the name decides: some tools unpack a download and leave its name as it is.
    boolean gzip = start.read() == 0x1F && start.read() == 0x8B;
    start.reset();
    this.in =
        new BufferedInputStream(gzip ? new GZIPInputStream(start, BUFFER) : start, 2 * BUFFER);
    skipByteOrderMark();
  }

  /**
   * Opens {@code path} before its first line.
   *
   * @throws TartanException if it is missing, a directory or not readable
   */
  static Lines open(Path path) {
    try {
      if (Files.isDirectory(path)) {
        throw new TartanException("cannot read " + path + ": is a directory; name a file");
      }
      InputStream file = Files.newInputStream(path);
      try {
        return new Lines(path, file);
      } catch (IOException | RuntimeException e) {
        file.close();
        throw e;
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  Path path() {
    return path;
  }

  /** The number of the line that {@link #next} returned last, from 1. */
  long number() {
    return number;
  }

  /** Bytes of the file (compressed ones, if it is) taken in so far; runs ahead by a buffer. */
  long bytesRead() {
    return raw.count;
  }

  /** Bytes of the file; -1 for a pipe. */
  long totalBytes() {
    return totalBytes;
  }

  /** The first byte that is not white space; -1 if there is none near the start of the file. */
  int firstByte() {
    try {
      in.mark(PEEK);
      int first = in.read();
      for (int i = 1; i < PEEK && first >= 0 && Character.isWhitespace(first); i++) {
        first = in.read();
      }
      in.reset();
      return first;
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  /** The next line without its end (LF or CR LF); null after the last one. */
  @Nullable String next() {
    int length = 0;
    boolean any = false;
    try {
      while (position < limit || fill()) {
        any = true;
        int end = position;
        while (end < limit && buffer[end] != '\n') {
          end++;
        }
        length = append(length, end);
        if (end < limit) {
          position = end + 1;
          break;
        }
        position = end;
      }
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path + " after line " + number, e);
    }
    if (!any) {
      return null;
    }
    number++;
    return decode(length > 0 && line[length - 1] == '\r' ? length - 1 : length);
  }

  /** The next line that is not blank; null after the last one. */
  @Nullable String nextFilled() {
    String next = next();
    while (next != null && next.isBlank()) {
      next = next();
    }
    return next;
  }

  /**
   * Splits a line at its tabs, or at any white space if that does not give {@code wanted} columns.
   */
  static List<String> columns(String line, Set<Integer> wanted) {
    List<String> byTab = List.of(line.split("\t", -1));
    return wanted.contains(byTab.size()) ? byTab : List.of(line.trim().split("\\s+", -1));
  }

  /** A failure at the line read last: "path, line 12: what". */
  TartanException bad(String what) {
    return new TartanException(path + ", line " + number + ": " + what);
  }

  /** A failure of the whole file: "path: what". */
  TartanException badFile(String what) {
    return new TartanException(path + ": " + what);
  }

  /** A value fit for a message of one line: quoted, cut off, without control characters. */
  static String quoted(String value) {
    String cut = value.length() > 60 ? value.substring(0, 60) + "..." : value;
    return "'" + cut.replaceAll("\\p{Cntrl}", " ") + "'";
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw TartanException.io("cannot close " + path, e);
    }
  }

  private void skipByteOrderMark() throws IOException {
    in.mark(3);
    if (in.read() != 0xEF || in.read() != 0xBB || in.read() != 0xBF) {
      in.reset();
    }
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(in.read(buffer), 0);
    return limit > 0;
  }

  private int append(int length, int end) {
    int more = end - position;
    if (length + more > MAX_LINE) {
      number++;
      throw bad("is longer than 64 MiB; put one record on each line");
    }
    if (length + more > line.length) {
      line = Arrays.copyOf(line, Math.max(2 * line.length, length + more));
    }
    System.arraycopy(buffer, position, line, length, more);
    return length + more;
  }

  private String decode(int length) {
    ByteBuffer bytes = ByteBuffer.wrap(line, 0, length);
    try {
      return decoder.decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw bad(
          "is not UTF-8 (byte 0x%02X at column %d); convert the file, for example with iconv"
              .formatted(line[bytes.position()], bytes.position() + 1));
    }
  }

  private static final class Counting extends FilterInputStream {
    private long count;

    Counting(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int value = super.read();
      count += value < 0 ? 0 : 1;
      return value;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int n = super.read(bytes, offset, length);
      count += Math.max(n, 0);
      return n;
    }
  }
}
