package dev.tartan.train.synthetic;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a language model has said, a JSON line an ask, on disk before the next thing
 * happens: what a run goes on from. Confined to one thread; a file has one journal at a time.
 */
public final class Journal implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path path;
  private final FileChannel file;
  private final Map<Key, Entry> last = new HashMap<>();
  private long requests;
  private long retries;
  private Usage usage = Usage.NONE;

  /** What makes an ask another one. */
  record Key(String prompt, String passage) {}

  /**
   * What came of an ask.
   *
   * @param prompt its name
   * @param passage its id
   * @param query null if it failed
   * @param failure null if it did not
   * @param detail what was said instead of a query, cut
   * @param requests that were sent for it
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Entry(
      String prompt,
      String passage,
      @Nullable String query,
      @Nullable Failure failure,
      @Nullable String detail,
      int requests,
      Usage usage) {
    /** Whether there is nothing to ask any more. */
    boolean settled() {
      return failure == null || failure.answered();
    }
  }

  private Journal(Path path, FileChannel file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Opens or creates a journal. A last line that is cut off, as a crash leaves it, is dropped.
   *
   * @throws TartanException if another line is damaged, another process writes to the file, or it
   *     cannot be read and written
   */
  public static Journal open(Path path) {
    FileChannel file = null;
    try {
      file =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      lock(file, path);
      Journal journal = new Journal(path, file);
      journal.read();
      return journal;
    } catch (IOException | RuntimeException e) {
      close(file);
      throw e instanceof IOException io
          ? TartanException.io("cannot open " + path, io)
          : (RuntimeException) e;
    }
  }

  private static void lock(FileChannel file, Path path) throws IOException {
    try {
      if (file.tryLock() != null) {
        return;
      }
    } catch (OverlappingFileLockException e) {
      throw new TartanException(path + " is being written to by this process already", e);
    }
    throw new TartanException(path + " is being written to by another process; wait for its end");
  }

  private void read() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(file.size()));
    while (bytes.hasRemaining() && file.read(bytes) >= 0) {}
    byte[] all = bytes.array();
    int start = 0;
    for (int line = 1; start < all.length; line++) {
      int end = start;
      while (end < all.length && all[end] != '\n') {
        end++;
      }
      if (end == all.length) {
        file.truncate(start);
        break;
      }
      take(new String(all, start, end - start, StandardCharsets.UTF_8), line);
      start = end + 1;
    }
    file.position(file.size());
  }

  private void take(String line, int number) {
    Entry entry;
    try {
      entry = JSON.readValue(line, Entry.class);
    } catch (JsonProcessingException e) {
      throw new TartanException(
          "%s, line %d: is damaged (%s); remove it to ask again what it held"
              .formatted(path, number, e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    }
    if (entry == null
        || entry.prompt() == null
        || entry.passage() == null
        || entry.usage() == null
        || (entry.query() == null) == (entry.failure() == null)) {
      throw new TartanException(
          "%s, line %d: is no entry of a journal; remove it".formatted(path, number));
    }
    count(entry);
  }

  private void count(Entry entry) {
    last.put(new Key(entry.prompt(), entry.passage()), entry);
    requests += entry.requests();
    retries += Math.max(0, entry.requests() - 1);
    usage = usage.plus(entry.usage());
  }

  /** Adds a line, which is on disk when this returns. */
  void add(Entry entry) {
    try {
      byte[] line = (JSON.writeValueAsString(entry) + "\n").getBytes(StandardCharsets.UTF_8);
      ByteBuffer bytes = ByteBuffer.wrap(line);
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      file.force(false);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
    count(entry);
  }

  /** What came last of an ask; null if it was never made. */
  public @Nullable Entry find(Ask ask) {
    return last.get(new Key(ask.prompt().name(), ask.passage().id()));
  }

  /** Whether anything was answered, by a query or not. */
  public boolean hasAnswers() {
    return last.values().stream().anyMatch(Entry::settled);
  }

  /** Requests sent, in all runs. */
  public long requests() {
    return requests;
  }

  /** Requests beyond the first of an ask. */
  public long retries() {
    return retries;
  }

  /** What all answers cost. */
  public Usage usage() {
    return usage;
  }

  private static void close(@Nullable FileChannel file) {
    try {
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      throw TartanException.io("cannot close the journal", e);
    }
  }

  @Override
  public void close() {
    close(file);
  }
}
