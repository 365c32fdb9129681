package dev.tartan.cli;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.TokenPooling;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Turns texts into token embeddings on disk. */
@Command(
    name = "encode",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Writes the token embeddings of a collection (or of queries) as NPY files.",
      "",
      "--collection gives rows [tokens, dim] and doclens [passages]; --queries gives [queries, rows, dim],",
      "where shorter queries end in rows of zeros, which 'tartan search' leaves out.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan encode --collection docs.jsonl --out docs.npy --doclens lens.npy --ids ids.txt",
      "  tartan encode --queries q.jsonl --out q.npy",
    })
final class EncodeCommand implements Callable<Integer> {
  private static final int BATCH = 512;

  @Option(
      names = "--collection",
      paramLabel = "FILE",
      description = "JSONL or TSV, see 'tartan index'.")
  @Nullable Path collection;

  @Option(
      names = "--queries",
      paramLabel = "FILE",
      description = "JSONL or TSV, see 'tartan search'.")
  @Nullable Path queries;

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--out", required = true, paramLabel = "NPY", description = "The embeddings.")
  Path out;

  @Option(names = "--doclens", paramLabel = "NPY", description = "Tokens of each passage, int32.")
  @Nullable Path doclens;

  @Option(names = "--ids", paramLabel = "FILE", description = "Ids, one a line.")
  @Nullable Path ids;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "tartan-mini, or the folder or the hub name of a ColBERT, PyLate or BGE-M3 checkpoint, see"
              + " 'tartan index' (default: ${DEFAULT-VALUE}).")
  String model = Encoders.TARTAN_MINI;

  @Option(
      names = "--language",
      paramLabel = "L",
      description = "Language of the texts, see 'tartan index'.")
  @Nullable String language;

  @Mixin PoolingOptions pooling = new PoolingOptions();

  @Option(names = "--float32", description = "Write float32 (default: float16).")
  boolean float32;

  @Mixin Shared shared = new Shared();

  @Override
  public Integer call() {
    if ((collection == null) == (queries == null)) {
      throw shared.wrong("give one of --collection and --queries");
    }
    if (collection != null && doclens == null) {
      throw shared.wrong("--doclens is missing: where shall the tokens of each passage go?");
    }
    if (queries != null && doclens != null) {
      throw shared.wrong("--doclens is for --collection; queries all get the same number of rows");
    }
    TokenPooling pooled = pooling.pooling(shared);
    if (queries != null && pooled.factor() > 1) {
      throw shared.wrong("--pool-factor is for --collection; queries keep a row for every token");
    }
    shared.checkOptions();
    List<Query> asked = queries == null ? List.of() : Queries.read(queries);
    if (collection != null) {
      Inputs.check(collection, Set.of(), shared.progress());
    }
    List<String> written = new ArrayList<>();
    try (NewFiles files = new NewFiles()) {
      Path rows = files.add(out);
      Path lengths = doclens == null ? null : files.add(doclens);
      Path idsFile = ids == null ? null : files.add(ids);
      long[] shape;
      try (Encoder encoder = shared.openModel(model, language)) {
        shape =
            lengths == null
                ? queries(encoder, asked, rows, written)
                : passages(encoder, pooled, rows, lengths, written);
      }
      if (idsFile != null) {
        Files.write(idsFile, written);
      }
      files.publish();
      report(shape);
    } catch (IOException e) {
      throw TartanException.io("cannot write " + ids, e);
    }
    return 0;
  }

  private void report(long[] shape) {
    if (shared.json) {
      shared.printJson(
          Map.of(
              "out",
              out.toString(),
              "shape",
              shape,
              "dtype",
              type().name().toLowerCase(Locale.ROOT)));
    } else {
      shared.print("%s: %s %s".formatted(out, Arrays.toString(shape), type()));
    }
  }

  private DType type() {
    return float32 ? DType.F32 : DType.F16;
  }

  private long[] passages(
      Encoder encoder, TokenPooling pooled, Path rowsFile, Path lengthsFile, List<String> written) {
    Progress progress = shared.progress();
    Collection source = new Collection(Objects.requireNonNull(collection));
    try (DocumentReader documents = source.open();
        NpyWriter rows = new NpyWriter(rowsFile, type(), encoder.dim());
        NpyWriter lengths = new NpyWriter(lengthsFile, DType.I32)) {
      progress.stage("encoding", "KiB of text", documents.totalBytes() >> 10);
      while (documents.hasNext()) {
        List<Document> batch = new ArrayList<>();
        while (batch.size() < BATCH && documents.hasNext()) {
          batch.add(documents.next());
        }
        try (Arena arena = Arena.ofShared()) {
          EncodedPassages encoded =
              encoder.encodePassages(
                  batch.stream().map(Document::passage).toList(),
                  batch.stream().map(Document::language).toList(),
                  pooled,
                  arena);
          rows.writeRows(encoded.rows());
          for (int doclen : encoded.doclens()) {
            lengths.writeInt(doclen);
          }
        }
        batch.forEach(d -> written.add(d.id()));
        progress.advance(documents.newKibibytes());
      }
      progress.done();
      return new long[] {rows.rows(), encoder.dim()};
    }
  }

  private long[] queries(Encoder encoder, List<Query> all, Path rowsFile, List<String> written) {
    int rows = -1;
    try (Arena arena = Arena.ofShared()) {
      List<Matrix> encoded = encoder.encodeQueries(all.stream().map(Query::text).toList(), arena);
      for (int q = 0; q < all.size(); q++) {
        rows = Math.max(rows, (int) encoded.get(q).rows());
        written.add(all.get(q).id());
      }
      try (NpyWriter file = new NpyWriter(rowsFile, type(), rows, encoder.dim())) {
        for (Matrix matrix : encoded) {
          file.writeRows(padded(matrix, rows, arena));
        }
      }
      return new long[] {all.size(), rows, encoder.dim()};
    }
  }

  /** A query as one row of the file; rows of zeros add nothing to MaxSim. */
  private static Matrix padded(Matrix matrix, int rows, Arena arena) {
    Matrix padded = Matrix.allocate(arena, 1, rows * matrix.dim());
    MemorySegment.copy(matrix.data(), 0, padded.data(), 0, matrix.data().byteSize());
    return padded;
  }
}
