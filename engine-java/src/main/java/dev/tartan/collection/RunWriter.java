package dev.tartan.collection;

import dev.tartan.memory.TartanException;
import java.io.Closeable;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes a TREC run, {@code qid Q0 docid rank score tag}, one line a hit. Confined to one thread.
 */
public final class RunWriter implements Closeable {
  private final Path path;
  private final String tag;
  private final Writer out;

  /**
   * Creates or replaces {@code path}.
   *
   * @param tag names the run in the last column
   * @throws TartanException if the file cannot be written or the tag is blank or holds white space
   */
  public RunWriter(Path path, String tag) {
    this.path = path;
    this.tag = tag;
    requireOneWord("run tag", tag);
    try {
      this.out = Files.newBufferedWriter(path);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  /**
   * Writes one hit. The score is written with the fewest digits that read back as the same float,
   * so that sorting by it gives the order of the engine.
   *
   * @param rank from 1
   * @throws TartanException if an id is blank or has white space, which the format cannot carry, or
   *     the score is not finite
   */
  public void write(String queryId, String documentId, int rank, float score) {
    requireOneWord("query id", queryId);
    requireOneWord("document id", documentId);
    if (!Float.isFinite(score)) {
      throw new TartanException(
          "cannot write %s: the score of document %s for query %s is %s, not a finite number"
              .formatted(path, Lines.quoted(documentId), Lines.quoted(queryId), score));
    }
    try {
      // Float.toString and not a format: always a point, whatever the locale.
      out.append(queryId).append(" Q0 ").append(documentId).append(' ');
      out.append(Integer.toString(rank)).append(' ').append(Float.toString(score));
      out.append(' ').append(tag).append('\n');
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw TartanException.io("cannot write " + path, e);
    }
  }

  private void requireOneWord(String what, String value) {
    if (value.isEmpty() || value.chars().anyMatch(Character::isWhitespace)) {
      throw new TartanException(
          "cannot write %s: the %s %s is blank or has white space, which a run cannot carry; rename it"
              .formatted(path, what, Lines.quoted(value)));
    }
  }
}
