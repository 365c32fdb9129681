package dev.tartan.collection;

import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A collection file: the documents to index. Nothing is held in memory; every {@link #open} is a
 * pass of its own over the file.
 *
 * <p>Formats, each also with .gz: JSONL with {@code _id} or {@code id} (string or number), {@code
 * text} and optionally {@code title} and {@code language}; TSV as {@code id<TAB>text} or {@code
 * id<TAB>text<TAB>title}. The extension (.jsonl, .json, .tsv) decides, else the first byte. Blank
 * lines and a TSV header line {@code id<TAB>text} are skipped. Whether ids repeat is for the index
 * to say, which keeps them anyway.
 *
 * @param path the file; a pipe will do where one pass is enough
 */
public record Collection(Path path) {

  /**
   * Starts a pass. Close the reader.
   *
   * @throws dev.tartan.memory.TartanException if the file is missing, a directory or not readable
   */
  public DocumentReader open() {
    return new DocumentReader(Lines.open(path));
  }

  /**
   * Makes one whole pass.
   *
   * @throws dev.tartan.memory.TartanException as {@link #open} and {@link DocumentReader#next}
   */
  public void forEach(Consumer<? super Document> action) {
    try (DocumentReader documents = open()) {
      documents.forEachRemaining(action);
    }
  }
}
