package dev.tartan.cli;

import dev.tartan.CollectionReranker;
import dev.tartan.collection.Collection;
import dev.tartan.collection.DocumentReader;
import dev.tartan.indexing.IdSet;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What is read of the user's files before the work starts. */
final class Inputs {
  private Inputs() {}

  /**
   * Reads a collection once: seconds, where encoding takes hours and would find a bad line only
   * when it gets there. A pipe can be read once only and is not checked.
   *
   * @param wanted ids that must be there
   * @return how many documents it has; -1 for a pipe
   * @throws TartanException if it is missing, empty or malformed, an id repeats or a wanted one is
   *     not there
   */
  static long check(Path collection, Set<String> wanted, Progress progress) {
    if (Files.exists(collection)
        && !Files.isRegularFile(collection)
        && !Files.isDirectory(collection)) {
      return -1;
    }
    long count;
    Set<String> missing = new LinkedHashSet<>(wanted);
    try (DocumentReader documents = new Collection(collection).open()) {
      progress.stage("checking", "KiB of text", documents.totalBytes() >> 10);
      IdSet ids = new IdSet();
      while (documents.hasNext()) {
        String id = documents.next().id();
        if (!ids.add(id)) {
          throw new TartanException(
              "%s, line %d: duplicate id '%s'; ids must be unique"
                  .formatted(collection, documents.lineNumber(), id));
        }
        missing.remove(id);
        progress.advance(documents.newKibibytes());
      }
      count = documents.documents();
    }
    progress.done(); // what comes next, loading a model, is no part of it
    if (!missing.isEmpty()) {
      throw CollectionReranker.missing(missing, new Collection(collection));
    }
    return count;
  }

  /** The lines of a file of ids. */
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new TartanException("cannot read " + file + ": it is not UTF-8", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + file, e);
    }
  }
}
