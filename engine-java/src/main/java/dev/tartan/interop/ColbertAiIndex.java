package dev.tartan.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.checkpoint.ElementType;
import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.checkpoint.TorchFile;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What colbert-ai writes. A chunk is mapped while it is read; that is a few hundred megabytes that
 * the system may take back at any time.
 */
final class ColbertAiIndex implements ForeignIndex {
  private static final String METADATA = "metadata.json";

  private final Path directory;
  private final ForeignFiles files;
  private final JsonNode config;
  private final int chunks;
  private final ResidualCodec codec;
  private final Arena arena = Arena.ofShared();

  ColbertAiIndex(Path directory) {
    this.directory = directory;
    this.files = new ForeignFiles(directory);
    JsonNode metadata = files.json(METADATA);
    this.chunks = files.count(METADATA, metadata, "num_chunks", 1);
    this.config = metadata.path("config");
    int nbits = files.nbits(METADATA, config);
    try {
      this.codec = codec(nbits);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private ResidualCodec codec(int nbits) {
    Path centroidsFile = files.required("centroids.pt");
    Path bucketsFile = files.required("buckets.pt");
    StoredTensor centroids = open(centroidsFile, arena).single();
    if (centroids.shape().length != 2) {
      throw shape(centroidsFile, centroids, "[centroids, dim]");
    }
    TorchFile buckets = open(bucketsFile, arena);
    return new ForeignTables(
            centroidsFile,
            floats(centroidsFile, centroids),
            centroids.shape()[1],
            floats(bucketsFile, buckets.tensor("0")),
            floats(bucketsFile, buckets.tensor("1")))
        .codec(nbits, bucketsFile);
  }

  private MemorySegment floats(Path file, StoredTensor tensor) {
    try {
      return tensor.copyFloats(arena);
    } catch (TartanException e) {
      throw ForeignFiles.bad(file, String.valueOf(e.getMessage()));
    }
  }

  private static TorchFile open(Path file, Arena arena) {
    return TorchFile.open(file, arena).verify();
  }

  private static TartanException shape(Path file, StoredTensor tensor, String wanted) {
    return ForeignFiles.bad(
        file,
        "holds %s of shape %s, not %s"
            .formatted(tensor.type(), Arrays.toString(tensor.shape()), wanted));
  }

  @Override
  public ForeignFormat format() {
    return ForeignFormat.COLBERT_AI;
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
    String checkpoint = config.path("checkpoint").asText("");
    return checkpoint.isBlank() || checkpoint.equals("null") ? null : checkpoint;
  }

  @Override
  public int chunks() {
    return chunks;
  }

  @Override
  public int[] doclens(int chunk) {
    return files.doclens(chunk);
  }

  @Override
  public Chunk chunk(int number) {
    return new TorchChunk(number);
  }

  @Override
  public void close() {
    arena.close();
  }

  private final class TorchChunk implements Chunk {
    private final Path codesFile;
    private final long tokens;
    private final ElementType codeType;
    private final MemorySegment codes;
    private final MemorySegment residuals;
    private final Arena mapping = Arena.ofConfined();

    TorchChunk(int number) {
      this.codesFile = files.required(number + ".codes.pt");
      Path residualsFile = files.required(number + ".residuals.pt");
      try {
        StoredTensor all = open(codesFile, mapping).single();
        boolean whole = all.type() == ElementType.I32 || all.type() == ElementType.I64;
        if (!whole || all.shape().length != 1) {
          throw shape(codesFile, all, "I32 of shape [tokens]");
        }
        this.tokens = all.elements();
        requireSum(number);
        this.codeType = all.type();
        this.codes = all.bytes();
        StoredTensor packed = open(residualsFile, mapping).single();
        long[] wanted = {all.elements(), codec.residualBytes()};
        if (packed.type() != ElementType.U8 || !Arrays.equals(packed.shape(), wanted)) {
          throw shape(residualsFile, packed, "U8 of shape " + Arrays.toString(wanted));
        }
        this.residuals = packed.bytes();
      } catch (RuntimeException e) {
        mapping.close();
        throw e;
      }
    }

    private void requireSum(int number) {
      int[] doclens = files.doclens(number);
      long sum = Arrays.stream(doclens).asLongStream().sum();
      if (sum != tokens) {
        throw ForeignFiles.bad(
            codesFile,
            "has %d codes, but the %d passages of doclens.%d.json have %d tokens"
                .formatted(tokens, doclens.length, number, sum));
      }
    }

    @Override
    public long tokens() {
      return tokens;
    }

    @Override
    public void read(long first, int[] into, MemorySegment packed) {
      for (int i = 0; i < into.length; i++) {
        into[i] =
            codeType == ElementType.I32
                ? codes.getAtIndex(Layouts.I32, first + i)
                : NpyPlaidIndex.narrow(codes.getAtIndex(Layouts.I64, first + i));
      }
      long bytes = codec.residualBytes();
      MemorySegment.copy(residuals, first * bytes, packed, 0, into.length * bytes);
    }

    @Override
    public Path codesFile() {
      return codesFile;
    }

    @Override
    public void close() {
      mapping.close();
    }
  }
}
