package dev.tartan.cli;

import dev.tartan.TextIndexer;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Collection;
import dev.tartan.collection.MetadataLines;
import dev.tartan.collection.Splitting;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.TokenPooling;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.NpyEmbeddings;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Schema;
import dev.tartan.search.Calibration;
import dev.tartan.segment.IndexDirectory;
import dev.tartan.segment.Manifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Makes an index of texts or of embeddings. */
@Command(
    name = "index",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Makes an index of a collection of texts, or of token embeddings that you bring.",
      "",
      "Readers see the index when it is complete: an interrupted run leaves what was there before.",
    },
    footer = {
      "",
      "Examples:",
      "  tartan index --collection docs.jsonl --index my-index",
      "  tartan index --collection docs.tsv --index my-index --nbits 4 --split 180",
      "  tartan index --collection docs.jsonl --index my-index --model colbert-ir/colbertv2.0",
      "  tartan index --embeddings docs.npy --doclens lens.npy --index my-index",
    })
final class IndexCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init")
  @ArgGroup(multiplicity = "1")
  Input input;

  @SuppressWarnings("NullAway.Init")
  @Option(
      names = "--index",
      required = true,
      paramLabel = "DIR",
      description = "The index to make.")
  Path index;

  @Option(names = "--replace", description = "Replace what the index holds, in one commit.")
  boolean replace;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "tartan-mini (the default for texts), or the folder of a ColBERT, PyLate or BGE-M3 checkpoint, or"
              + " its name on the Hugging Face hub (ORG/NAME or ORG/NAME@REVISION), which is fetched once; with"
              + " --embeddings the model that made them, to search the index in words.")
  @Nullable String model;

  @Option(
      names = "--language",
      paramLabel = "L",
      description =
          "Language of the texts that have no \"language\" of their own, and of queries, for models"
              + " with a part for each language; auto detects it (default: that of the checkpoint).")
  @Nullable String language;

  @Option(
      names = "--nbits",
      paramLabel = "B",
      description =
          "Bits a dimension of the compressed residual: 1, 2, 3, 4 or 8; 16 keeps float16 embeddings uncompressed"
              + " (default: ${DEFAULT-VALUE}).")
  int nbits = 2;

  @Option(
      names = "--codec",
      paramLabel = "NAME",
      converter = CodecName.class,
      description =
          "tartan, or colbertv2: the published one, which keeps about as much with twice the bits"
              + " (default: tartan).")
  ResidualCodec.Kind codec = ResidualCodec.Kind.TARTAN;

  @Option(
      names = "--centroids",
      paramLabel = "K",
      description = "Centroids (default: 2^floor(log2(16 sqrt(tokens)))).")
  int centroids;

  @Option(
      names = "--split",
      paramLabel = "N",
      description =
          "Split documents into passages of at most N word pieces, the title before each counted; a"
              + " document is found by its best.")
  @Nullable Integer split;

  @Option(
      names = "--overlap",
      paramLabel = "M",
      description =
          "Word pieces at most that a passage shares with the one before it, up to half of N"
              + " (default: ${DEFAULT-VALUE}).")
  int overlap;

  @Option(
      names = "--split-by",
      paramLabel = "UNIT",
      description =
          "tokens: passages as long as may be, ending with a sentence where one ends near; sentences: never cut"
              + " one that is shorter than N (default: tokens).")
  Splitting.Unit splitBy = Splitting.Unit.TOKENS;

  @Option(names = "--no-text", description = "Do not store the texts.")
  boolean noText;

  @Option(
      names = "--field",
      paramLabel = "NAME=TYPE",
      description =
          "The type of a field of the documents' metadata: string, number, date, boolean, strings, numbers,"
              + " ignored (default: that of its first value). Repeat for more fields.")
  List<String> fields = List.of();

  @Option(
      names = "--keep-embeddings",
      description =
          "Keep the embeddings as float16 beside what is compressed, 2 bytes a dimension of a token, so that"
              + " 'tartan compact --retrain' loses nothing.")
  boolean keepEmbeddings;

  @Mixin PoolingOptions pooling = new PoolingOptions();

  @Mixin Shared shared = new Shared();

  /** A codec by its label. */
  static final class CodecName implements ITypeConverter<ResidualCodec.Kind> {
    @Override
    public ResidualCodec.Kind convert(String value) {
      for (ResidualCodec.Kind kind : ResidualCodec.Kind.values()) {
        if (kind.label().equals(value)) {
          return kind;
        }
      }
      throw new TypeConversionException("'" + value + "' is neither tartan nor colbertv2");
    }
  }

  /** Texts or embeddings. */
  static final class Input {
    @Option(
        names = "--collection",
        required = true,
        paramLabel = "FILE",
        description =
            "JSONL with _id or id, title, text (BEIR), language, metadata; or TSV id<TAB>text (MS MARCO), plain or gzip.")
    @Nullable Path collection;

    @ArgGroup(exclusive = false)
    @Nullable Brought brought;
  }

  /** Embeddings from elsewhere. */
  static final class Brought {
    @SuppressWarnings("NullAway.Init")
    @Option(
        names = "--embeddings",
        required = true,
        paramLabel = "NPY",
        description = "[tokens, dim] float16 or float32; passage after passage.")
    Path embeddings;

    @SuppressWarnings("NullAway.Init")
    @Option(
        names = "--doclens",
        required = true,
        paramLabel = "NPY",
        description = "[passages] int32 or int64: tokens of each passage.")
    Path doclens;

    @Option(
        names = "--ids",
        paramLabel = "FILE",
        description = "One id a line (default: numbers from 0).")
    @Nullable Path ids;

    @Option(
        names = "--metadata",
        paramLabel = "FILE",
        description = "JSONL: the metadata of each document, an object a line, in their order.")
    @Nullable Path metadata;

    /** The metadata of the documents; null if none is given. */
    @Nullable MetadataLines openMetadata() {
      return metadata == null ? null : MetadataLines.open(metadata);
    }
  }

  @Override
  public Integer call() {
    Splitting splitting = splitting();
    TokenPooling pooled = pooling.pooling(shared);
    if (input.brought != null) {
      for (String option : List.of("--split", "--no-text", "--pool-factor")) {
        if (shared.typed(option)) {
          throw shared.wrong(option + " is for --collection; --embeddings come without texts");
        }
      }
    }
    shared.usage(
        () -> new IndexOptions(8, codec, nbits, centroids, !noText, model, language, splitting));
    if (IndexDirectory.exists(index) && !replace) {
      throw new TartanException(
          "%s holds an index already; add --replace to replace it in one commit".formatted(index));
    }
    Schema declared = shared.usage(() -> Schema.declared(fields));
    long start = System.nanoTime();
    try (Backend backend = shared.openBackend()) {
      Manifest manifest =
          input.collection == null
              ? embeddings(backend, declared)
              : texts(backend, splitting, pooled, declared);
      report(manifest, (System.nanoTime() - start) * 1e-9);
    }
    return 0;
  }

  private @Nullable Splitting splitting() {
    Integer tokens = split;
    if (tokens == null) {
      for (String option : List.of("--overlap", "--split-by")) {
        if (shared.typed(option)) {
          throw shared.wrong(option + " is for --split");
        }
      }
      return null;
    }
    return shared.usage(() -> new Splitting(tokens, overlap, splitBy));
  }

  private Manifest texts(
      Backend backend, @Nullable Splitting splitting, TokenPooling pooled, Schema declared) {
    Path file = java.util.Objects.requireNonNull(input.collection);
    Progress progress = shared.progress();
    Inputs.check(file, declared, progress);
    IndexDirectory.open(index)
        .close(); // another writer or a full disk shows before the model loads
    try (Encoder encoder =
        shared.openModel(model == null ? Encoders.TARTAN_MINI : model, language)) {
      IndexOptions options =
          new IndexOptions(
              encoder.dim(),
              codec,
              nbits,
              centroids,
              !noText,
              encoder.model(),
              encoder.language(),
              splitting,
              pooled,
              keepEmbeddings,
              declared);
      TextIndexer.Result result =
          new TextIndexer(encoder, backend, progress).index(new Collection(file), index, options);
      progress.done();
      noteWithoutText(shared, result);
      return result.manifest();
    }
  }

  /** Tells of documents that have no text. */
  static void noteWithoutText(Shared shared, TextIndexer.Result result) {
    if (result.withoutText() > 0) {
      shared.notice(
          "%d document%s no text to index (first: '%s'); they are counted but cannot be found"
              .formatted(
                  result.withoutText(),
                  result.withoutText() == 1 ? " has" : "s have",
                  result.firstWithoutText()));
    }
  }

  private Manifest embeddings(Backend backend, Schema declared) {
    Brought brought = java.util.Objects.requireNonNull(input.brought);
    Progress progress = shared.progress();
    try (NpyEmbeddings source = new NpyEmbeddings(brought.embeddings, brought.doclens)) {
      IndexOptions options =
          new IndexOptions(
              source.dim(),
              codec,
              nbits,
              centroids,
              false,
              model,
              language,
              null,
              TokenPooling.NONE,
              keepEmbeddings,
              declared);
      try (IndexWriter writer = new IndexWriter(index, options, backend, progress);
          MetadataLines metadata = brought.openMetadata()) {
        writer.commit(source, brought.ids == null ? null : Inputs.lines(brought.ids), metadata);
      }
    }
    Manifest manifest = Calibration.calibrate(index, List.of(), Calibration.KS, backend, progress);
    progress.done();
    return manifest;
  }

  private void report(Manifest manifest, double seconds) {
    if (shared.json) {
      shared.printJson(
          Map.of(
              "index", index.toString(),
              "documents", manifest.documents(),
              "passages", manifest.passages(),
              "tokens", manifest.tokens(),
              "seconds", seconds));
      return;
    }
    shared.print(
        String.format(
            Locale.ROOT,
            "%s: %,d documents, %,d passages, %,d tokens at %d bits, %,d centroids, in %s",
            index,
            manifest.documents(),
            manifest.passages(),
            manifest.tokens(),
            manifest.codec().nbits(),
            manifest.codec().centroids(),
            TerminalProgress.time(seconds)));
  }
}
