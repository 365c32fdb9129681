package dev.tartan.cli;

import dev.tartan.CollectionReranker;
import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.indexing.IdSet;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.MetadataReader;
import dev.tartan.metadata.Schema;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
    return check(collection, wanted, null, progress);
  }

  /**
   * The same of a collection that is to be indexed: its metadata must fit the fields.
   *
   * @param fields of the index so far
   */
  static void check(Path collection, Schema fields, Progress progress) {
    check(collection, Set.of(), new MetadataReader(fields), progress);
  }

  private static long check(
      Path collection, Set<String> wanted, @Nullable MetadataReader metadata, Progress progress) {
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
        Document document = documents.next();
        String id = document.id();
        if (!ids.add(id)) {
          throw new TartanException(
              "%s, line %d: duplicate id '%s'; ids must be unique"
                  .formatted(collection, documents.lineNumber(), id));
        }
        if (metadata != null) {
          check(collection, documents.lineNumber(), document, metadata);
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

  private static void check(Path file, long line, Document document, MetadataReader metadata) {
    try {
      metadata.read(document.id(), document.metadata());
    } catch (TartanException e) {
      throw new TartanException("%s, line %d: %s".formatted(file, line, e.getMessage()), e);
    }
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
