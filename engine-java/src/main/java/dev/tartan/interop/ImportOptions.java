package dev.tartan.interop;

import dev.tartan.metadata.Schema;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What is said of a foreign index that it does not tell itself, or is to be replaced.
 *
 * @param format what wrote it; null to tell that from its files
 * @param ids a file of ids, one a line for each passage, or for each that has tokens; null for
 *     those of the index
 * @param model the encoder, for queries in words; null for the one that the index names
 * @param fields of the documents' metadata whose types are known before; others have that of their
 *     first value
 */
public record ImportOptions(
    @Nullable ForeignFormat format, @Nullable Path ids, @Nullable String model, Schema fields) {
  /** Everything as the index has it. */
  public static final ImportOptions DEFAULT = new ImportOptions(null, null, null);

  /** With no field declared. */
  public ImportOptions(@Nullable ForeignFormat format, @Nullable Path ids, @Nullable String model) {
    this(format, ids, model, Schema.EMPTY);
  }
}
