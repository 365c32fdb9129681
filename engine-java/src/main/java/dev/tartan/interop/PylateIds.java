package dev.tartan.interop;

import dev.tartan.checkpoint.PickledMap;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The ids that PyLate keeps beside an index: a pickled dictionary of numbers and ids. It lies in
 * the folder of a colbert-ai index, and in the one above a fast-plaid index.
 */
final class PylateIds {
  private static final String FILE = "plaid_ids_to_documents_ids.pkl";
  private static final String FAST_PLAID = "fast_plaid_index";

  private PylateIds() {}

  /** The folder of the index itself where {@code directory} is one of PyLate. */
  static Path folder(Path directory) {
    Path inner = directory.resolve(FAST_PLAID);
    return Files.isDirectory(inner) ? inner : directory;
  }

  /** The dictionary of the index in {@code directory}; null if there is none. */
  static @Nullable Path file(Path directory) {
    Path own = directory.resolve(FILE);
    if (Files.isRegularFile(own)) {
      return own;
    }
    Path above = directory.resolveSibling(FILE);
    Path name = directory.getFileName();
    return name != null && name.toString().equals(FAST_PLAID) && Files.isRegularFile(above)
        ? above
        : null;
  }

  /** The ids in the order of their passages. */
  static List<String> read(Path file) {
    TreeMap<Long, String> ordered = new TreeMap<>();
    PickledMap.read(file)
        .forEach(
            (number, id) -> {
              if (!(number instanceof Long passage)
                  || !(id instanceof String || id instanceof Long)) {
                throw ForeignFiles.bad(file, "maps %s to %s".formatted(number, id));
              }
              ordered.put(passage, id.toString());
            });
    return List.copyOf(ordered.values());
  }
}
