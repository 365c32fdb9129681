package dev.tartan.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.DType;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What fast-plaid and next-plaid write. The rows of a chunk are in files of its own, which are the
 * newest where they are, or (fast-plaid from 1.7 on, and frozen indexes) in one merged file, at a
 * place that its manifest tells, or else the doclens. Read by ranges, never mapped.
 */
final class NpyPlaidIndex implements ForeignIndex {
  private static final String METADATA = "metadata.json";

  private final Path directory;
  private final ForeignFormat format;
  private final ForeignFiles files;
  private final int chunks;
  private final ResidualCodec codec;
  private final Arena arena = Arena.ofShared();

  NpyPlaidIndex(Path directory, ForeignFormat format) {
    this.directory = directory;
    this.format = format;
    this.files = new ForeignFiles(directory);
    JsonNode metadata = files.json(METADATA);
    if (metadata.path("binary").asBoolean()) {
      throw new TartanException(
          "%s says binary: an index of signs has no residuals and cannot be imported; build it with binary off"
              .formatted(directory.resolve(METADATA)));
    }
    this.chunks = files.count(METADATA, metadata, "num_chunks", 1);
    int nbits = files.nbits(METADATA, metadata);
    try {
      this.codec = codec(nbits);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private ResidualCodec codec(int nbits) {
    Path centroidsFile = files.required("centroids.npy");
    Path cutoffsFile = files.required("bucket_cutoffs.npy");
    Path weightsFile = files.required("bucket_weights.npy");
    long dim;
    try (NpyFile centroids = NpyFile.open(centroidsFile)) {
      dim = centroids.expect("centroids", 2, DType.F16, DType.F32).shape()[1];
    }
    return new ForeignTables(
            centroidsFile,
            floats(centroidsFile, 2),
            dim,
            floats(cutoffsFile, 1),
            floats(weightsFile, 1))
        .codec(nbits, weightsFile);
  }

  private MemorySegment floats(Path path, int dimensions) {
    try (NpyFile file = NpyFile.open(path)) {
      file.expect("the codec", dimensions, DType.F16, DType.F32);
      long values = Arrays.stream(file.shape()).reduce(1, Math::multiplyExact);
      MemorySegment floats = arena.allocate(Math.max(1, values) * Float.BYTES, 64);
      file.readFloats(0, values, floats);
      return floats.asSlice(0, values * Float.BYTES);
    }
  }

  @Override
  public ForeignFormat format() {
    return format;
  }

  @Override
  public Path directory() {
    return directory;
  }

  @Override
  public ResidualCodec codec() {
    return codec;
  }

  @Override
  public @Nullable String model() {
    return null;
  }

  @Override
  public int chunks() {
    return chunks;
  }

  @Override
  public int[] doclens(int chunk) {
    return files.doclens(chunk);
  }

  private long tokens(int chunk) {
    return Arrays.stream(doclens(chunk)).asLongStream().sum();
  }

  @Override
  public Chunk chunk(int number) {
    return new NpyChunk(number);
  }

  @Override
  public void close() {
    arena.close();
  }

  /** A code of 64 bits; one that is too large stays too large. */
  static int narrow(long code) {
    return code < 0 || code > Integer.MAX_VALUE ? -1 : (int) code;
  }

  /** Rows of a chunk in an array file. */
  private record Rows(NpyFile file, long first) {}

  /** Where the rows of a chunk are: in its own file, or in the merged one. */
  private Rows rows(int chunk, String what, long tokens) {
    Path own = files.optional("%d.%s.npy".formatted(chunk, what));
    if (own != null) {
      NpyFile file = NpyFile.open(own);
      if (file.shape().length > 0 && file.shape()[0] != tokens) {
        try (file) {
          throw ForeignFiles.bad(
              own,
              "has %d rows, but the passages of doclens.%d.json have %d tokens"
                  .formatted(file.shape()[0], chunk, tokens));
        }
      }
      return new Rows(file, 0);
    }
    Path merged = files.optional("merged_" + what + ".npy");
    if (merged == null) {
      files.required("%d.%s.npy".formatted(chunk, what));
      throw new IllegalStateException("a file that is not there was found");
    }
    return new Rows(NpyFile.open(merged), firstMerged(chunk, what, tokens));
  }

  private long firstMerged(int chunk, String what, long tokens) {
    String name = "merged_" + what + ".manifest.json";
    JsonNode manifest = files.optional(name) == null ? null : files.json(name);
    long first = 0;
    for (int c = 0; c < chunk; c++) {
      JsonNode entry = manifest == null ? null : manifest.path("%d.%s.npy".formatted(c, what));
      first += entry == null ? tokens(c) : entry.path("rows").asLong(0);
    }
    if (manifest != null) {
      long rows = manifest.path("%d.%s.npy".formatted(chunk, what)).path("rows").asLong(0);
      if (rows != tokens) {
        throw ForeignFiles.bad(
            directory.resolve(name),
            "gives chunk %d %d rows, but the passages of doclens.%d.json have %d tokens"
                .formatted(chunk, rows, chunk, tokens));
      }
    }
    return first;
  }

  private final class NpyChunk implements Chunk {
    private final long tokens;
    private final @Nullable Rows codes;
    private final @Nullable Rows residuals;

    NpyChunk(int number) {
      this.tokens = NpyPlaidIndex.this.tokens(number);
      if (tokens == 0) { // a chunk whose documents were all deleted may have files of no shape
        codes = null;
        residuals = null;
        return;
      }
      this.codes = rows(number, "codes", tokens);
      try {
        codes.file.expect("the codes", 1, DType.I64, DType.I32);
        requireRows(codes);
        this.residuals = rows(number, "residuals", tokens);
      } catch (RuntimeException e) {
        codes.file.close();
        throw e;
      }
      try {
        residuals.file.expect("the residuals", 2, DType.U8);
        if (residuals.file.shape()[1] != codec.residualBytes()) {
          throw ForeignFiles.bad(
              residuals.file.path(),
              "has rows of %d bytes; dim %d at %d bits needs %d"
                  .formatted(
                      residuals.file.shape()[1],
                      codec.dim(),
                      codec.nbits(),
                      codec.residualBytes()));
        }
        requireRows(residuals);
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    private void requireRows(Rows rows) {
      if (rows.first > rows.file.shape()[0] - tokens) {
        throw ForeignFiles.bad(
            rows.file.path(),
            "has %d rows; %d are needed".formatted(rows.file.shape()[0], rows.first + tokens));
      }
    }

    @Override
    public long tokens() {
      return tokens;
    }

    @Override
    public void read(long first, int[] into, MemorySegment packed) {
      if (codes == null || residuals == null) {
        throw new IllegalStateException("a chunk without tokens is read");
      }
      boolean wide = codes.file.dtype() == DType.I64;
      try (Arena block = Arena.ofConfined()) {
        MemorySegment values =
            block.allocate((long) into.length * codes.file.dtype().bytes() + 1, 8);
        codes.file.readRows(codes.first + first, into.length, values);
        for (int i = 0; i < into.length; i++) {
          into[i] =
              wide ? narrow(values.getAtIndex(Layouts.I64, i)) : values.getAtIndex(Layouts.I32, i);
        }
      }
      residuals.file.readRows(residuals.first + first, into.length, packed);
    }

    @Override
    public Path codesFile() {
      return codes == null ? directory : codes.file.path();
    }

    @Override
    public void close() {
      for (Rows rows : new Rows[] {codes, residuals}) {
        if (rows != null) {
          rows.file.close();
        }
      }
    }
  }
}
