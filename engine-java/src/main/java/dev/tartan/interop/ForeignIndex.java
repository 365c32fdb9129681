package dev.tartan.interop;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An index that another engine wrote, open for reading: passages with packed residuals, chunk after
 * chunk. Nothing is changed in it. Confined to one thread.
 */
public interface ForeignIndex extends AutoCloseable {
  /**
   * Opens the index in {@code directory}, or in the folder within that PyLate makes.
   *
   * @param format what wrote it; null to tell that from its files
   * @throws TartanException if it is not there, a needed file is missing or damaged, or it is of a
   *     kind that is not read; chunks are looked at when they are opened
   */
  static ForeignIndex open(Path directory, @Nullable ForeignFormat format) {
    Path folder = PylateIds.folder(directory);
    ForeignFormat chosen = format == null ? ForeignFormat.detect(folder) : format;
    return chosen == ForeignFormat.COLBERT_AI
        ? new ColbertAiIndex(folder)
        : new NpyPlaidIndex(folder, chosen);
  }

  ForeignFormat format();

  Path directory();

  /** The codec, of kind {@code COLBERTV2}; lives until {@link #close}. */
  ResidualCodec codec();

  /** The model that the index names; null if it names none. */
  @Nullable String model();

  int chunks();

  /**
   * Tokens of each passage of a chunk; a passage without any was deleted, or never had one.
   *
   * @throws TartanException if they cannot be read
   */
  int[] doclens(int chunk);

  /**
   * Opens a chunk.
   *
   * @throws TartanException if a file of it is missing, damaged or of a wrong shape, or its doclens
   *     do not sum to its codes
   */
  Chunk chunk(int number);

  @Override
  void close();

  /** Some passages that follow each other. Close it before the index. */
  interface Chunk extends AutoCloseable {
    /** Tokens of all passages. */
    long tokens();

    /**
     * Tokens {@code [first, first + codes.length)} of the chunk, as they are stored.
     *
     * @param codes receives the centroid of each, unchecked
     * @param residuals receives U8 [codes.length, dim * nbits / 8] in the published order of bits
     */
    void read(long first, int[] codes, MemorySegment residuals);

    /** The file of the codes, for messages. */
    Path codesFile();

    @Override
    void close();
  }
}
