package dev.tartan.segment;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.TokenPooling;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.Schema;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One commit of an index: what its files are and how they belong together. Written last and renamed
 * into place, so that it is the commit point.
 *
 * @param checksum CRC-32C of the file with these eight digits set to zeros, in hexadecimal
 * @param format version of the format of all files
 * @param commit number of this commit, from 1
 * @param created ISO-8601 time of the commit
 * @param model the encoder that made the embeddings; null if they were brought
 * @param language of queries and of texts that do not tell theirs, where the model has a part for
 *     each language; else null
 * @param dim width of a token embedding
 * @param split word pieces a passage that documents were split into; null if they were not
 * @param overlap word pieces that passages have in common with the one before; null for none
 * @param splitBy {@code sentences} if documents were split between sentences only; else null
 * @param pooling how many rows were kept of a passage's tokens; null for one for every token
 * @param fields of the documents' metadata; null if they have none
 * @param codecs those that segments were compressed with; the last one compresses what is added
 * @param segments in the order of their documents
 * @param search the curves of recall measured on this index, by ascending k and then recall
 * @param searchPassages living passages of the index when these were measured; null if not told
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Manifest(
    String checksum,
    int format,
    long commit,
    String created,
    @Nullable String model,
    @Nullable String language,
    int dim,
    @Nullable Integer split,
    @Nullable Integer overlap,
    @Nullable String splitBy,
    @Nullable TokenPooling pooling,
    @Nullable Schema fields,
    List<CodecEntry> codecs,
    List<SegmentEntry> segments,
    List<SearchEntry> search,
    @Nullable Long searchPassages) {
  /** The name of the file. */
  public static final String FILE = "manifest.json";

  /** The name of a second copy, for repairs; of the commit before if a run was interrupted. */
  public static final String COPY = "manifest.copy";

  /** The greatest format of a manifest that this version reads, and the one it writes. */
  static final int FORMAT = 2;

  private static final String SENTENCES = "sentences";
  static final String NO_CHECKSUM = "00000000";

  /**
   * A codec file.
   *
   * @param rotation whether two dim x dim matrices precede the centroids
   * @param training how near the tokens were that it was trained for; null if that is not known
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record CodecEntry(
      String file,
      String kind,
      int nbits,
      long centroids,
      boolean rotation,
      @Nullable Training training) {
    /** The entry of a codec in {@code file}. */
    static CodecEntry of(String file, ResidualCodec codec) {
      return new CodecEntry(
          file,
          codec.kind().label(),
          codec.nbits(),
          codec.centroids().rows(),
          codec.rotation() != null,
          null);
    }

    /** The same with what is known of its training. */
    public CodecEntry withTraining(Training known) {
      return new CodecEntry(file, kind, nbits, centroids, rotation, known);
    }
  }

  /**
   * How near the tokens were to the centroids that were trained for them.
   *
   * @param residual mean squared distance of a token embedding from its centroid, 0 to 4
   * @param bound the squared distance within which {@link CodecFit#WITHIN} of the tokens were
   */
  public record Training(double residual, double bound) {}

  /**
   * One segment.
   *
   * @param name the files are {@code name.extension}
   * @param documents as they were written, the deleted ones included; so are passages and tokens
   * @param components the extensions of its files
   * @param codec the file of its codec
   * @param living what is left of it; null if nothing was deleted
   * @param fit how well the codec fits its tokens; null if that was not measured
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record SegmentEntry(
      String name,
      long documents,
      long passages,
      long tokens,
      List<String> components,
      String codec,
      @Nullable Living living,
      @Nullable Fit fit) {
    public long livingDocuments() {
      return living == null ? documents : living.documents();
    }

    public long livingPassages() {
      return living == null ? passages : living.passages();
    }

    public long livingTokens() {
      return living == null ? tokens : living.tokens();
    }

    /** The same that fits its codec so. */
    public SegmentEntry withFit(@Nullable Fit known) {
      return new SegmentEntry(name, documents, passages, tokens, components, codec, living, known);
    }

    /** The same with only so much of it alive; null for all. */
    SegmentEntry withLiving(@Nullable Living left) {
      return new SegmentEntry(name, documents, passages, tokens, components, codec, left, fit);
    }

    /** The names of its files. */
    List<String> files() {
      List<String> files = new ArrayList<>();
      components.forEach(component -> files.add(name + "." + component));
      if (living != null) {
        files.add(living.file());
      }
      return files;
    }
  }

  /**
   * What is left of a segment.
   *
   * @param file a bit for each of its documents
   */
  public record Living(String file, long documents, long passages, long tokens) {}

  /**
   * How well a codec fits a segment.
   *
   * @param residual mean squared distance of a token embedding from its centroid
   * @param outliers share of the tokens beyond the bound of the codec's {@link Training}
   */
  public record Fit(double residual, double outliers) {}

  /**
   * One point of the curve of recall: settings for results of up to {@code k} hits (those of the
   * greatest k: of any number) and the share of the exact top k that they find.
   *
   * @param recall the mean over the queries of the calibration, less its standard error
   * @param nprobe centroids probed for each query row
   * @param ndocs candidates kept by what their inverted lists tell
   * @param scored of these, passages scored exactly; null in indexes that were calibrated before
   *     there was a curve, whose entries are not used
   */
  public record SearchEntry(int k, double recall, int nprobe, int ndocs, @Nullable Integer scored) {
    public SearchEntry {
      if (k < 1 || nprobe < 1 || ndocs < 1 || (scored != null && scored < 1)) {
        throw new IllegalArgumentException("a search setting below 1");
      }
      if (!(recall >= 0 && recall <= 1)) {
        throw new IllegalArgumentException("a recall outside 0 to 1");
      }
    }
  }

  /**
   * What the embeddings are: the model (null if they were brought) and its language (null if it has
   * none), their width, how documents were split, and how many rows were kept of their tokens.
   */
  public record Source(
      @Nullable String model,
      @Nullable String language,
      int dim,
      @Nullable Splitting split,
      TokenPooling pooling) {}

  /** A commit of this version, without search settings. */
  public static Manifest of(
      long commit, Source source, List<CodecEntry> codecs, List<SegmentEntry> segments) {
    Splitting split = source.split();
    return new Manifest(
        NO_CHECKSUM,
        FORMAT,
        commit,
        now(),
        source.model(),
        source.language(),
        source.dim(),
        split == null ? null : split.tokens(),
        split == null || split.overlap() == 0 ? null : split.overlap(),
        split == null || split.unit() == Splitting.Unit.TOKENS ? null : SENTENCES,
        source.pooling().equals(TokenPooling.NONE) ? null : source.pooling(),
        null,
        codecs,
        segments,
        List.of(),
        null);
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** The next commit, with other segments and the codecs that it needs. */
  public Manifest withSegments(List<SegmentEntry> others) {
    return withSegments(codecs, others);
  }

  /** The next commit, with other segments and a codec more, for what is added from now on. */
  public Manifest withCodec(CodecEntry codec, List<SegmentEntry> others) {
    List<CodecEntry> more = new ArrayList<>(codecs);
    more.add(codec);
    return withSegments(more, others);
  }

  private Manifest withSegments(List<CodecEntry> known, List<SegmentEntry> others) {
    Set<String> used = others.stream().map(SegmentEntry::codec).collect(Collectors.toSet());
    used.add(known.getLast().file());
    List<CodecEntry> needed = known.stream().filter(c -> used.contains(c.file())).toList();
    return next(commit + 1, needed, others, search, searchPassages);
  }

  /** The same files with measured search settings, as the next commit. */
  public Manifest withSearch(List<SearchEntry> measured) {
    return next(commit + 1, codecs, segments, measured, passages());
  }

  /** The same commit with what is known of the documents' metadata. */
  public Manifest withFields(Schema known) {
    return new Manifest(
        checksum,
        format,
        commit,
        created,
        model,
        language,
        dim,
        split,
        overlap,
        splitBy,
        pooling,
        known.fields().isEmpty() ? null : known,
        codecs,
        segments,
        search,
        searchPassages);
  }

  /** The fields of the documents' metadata. */
  public Schema schema() {
    return fields == null ? Schema.EMPTY : fields;
  }

  private Manifest next(
      long number,
      List<CodecEntry> newCodecs,
      List<SegmentEntry> newSegments,
      List<SearchEntry> newSearch,
      @Nullable Long newSearchPassages) {
    return new Manifest(
        NO_CHECKSUM,
        FORMAT,
        number,
        number == commit ? created : now(),
        model,
        language,
        dim,
        split,
        overlap,
        splitBy,
        pooling,
        fields,
        newCodecs,
        newSegments,
        newSearch,
        newSearchPassages);
  }

  /** The codec of what is added from now on. */
  public CodecEntry codec() {
    return codecs.getLast();
  }

  /** The codec of a segment. */
  public CodecEntry codec(SegmentEntry segment) {
    return codecs.stream().filter(c -> c.file().equals(segment.codec())).findFirst().orElseThrow();
  }

  /** What the embeddings are. */
  public Source source() {
    return new Source(model, language, dim, splitting(), tokenPooling());
  }

  /**
   * Reads the current commit of {@code directory}.
   *
   * @throws TartanException if there is none, or it is damaged or of a newer format
   */
  public static Manifest read(Path directory) {
    Path path = directory.resolve(FILE);
    if (!Files.isDirectory(directory)) {
      throw new TartanException(
          "there is no index at %s: no such directory; make one with 'tartan index'"
              .formatted(directory));
    }
    if (!Files.exists(path)) {
      throw new TartanException(
          "there is no index at %s: it has no %s; make one with 'tartan index'"
              .formatted(directory, FILE));
    }
    return ManifestFile.parse(path);
  }

  /**
   * The current commit, or if its manifest is damaged or missing what the copy says.
   *
   * @throws TartanException if neither can be read
   */
  static Manifest readOrCopy(Path directory) {
    try {
      return read(directory);
    } catch (TartanException e) {
      Path copy = directory.resolve(COPY);
      if (!Files.exists(copy)) {
        throw e;
      }
      return ManifestFile.parse(copy);
    }
  }

  /**
   * Reads the second copy, if there is one; indexes of earlier builds have none.
   *
   * @throws TartanException if it is damaged
   */
  static void checkCopy(Path directory) {
    if (Files.exists(directory.resolve(COPY))) {
      ManifestFile.parse(directory.resolve(COPY));
    }
  }

  /** How documents were split; null if they were not. */
  public @Nullable Splitting splitting() {
    return split == null
        ? null
        : new Splitting(
            split,
            overlap == null ? 0 : overlap,
            SENTENCES.equals(splitBy) ? Splitting.Unit.SENTENCES : Splitting.Unit.TOKENS);
  }

  /** How many rows were kept of a passage's tokens. */
  public TokenPooling tokenPooling() {
    return pooling == null ? TokenPooling.NONE : pooling;
  }

  /** The curves of recall; empty if there are none, or only settings of before there were any. */
  public List<SearchEntry> curves() {
    return search.stream().filter(entry -> entry.scored() != null).toList();
  }

  /** The same commit as this version writes it. */
  Manifest current() {
    return next(commit, codecs, segments, search, searchPassages);
  }

  /** Living documents. */
  public long documents() {
    return segments.stream().mapToLong(SegmentEntry::livingDocuments).sum();
  }

  /** Living passages. */
  public long passages() {
    return segments.stream().mapToLong(SegmentEntry::livingPassages).sum();
  }

  /** Tokens of the living passages. */
  public long tokens() {
    return segments.stream().mapToLong(SegmentEntry::livingTokens).sum();
  }

  /** The names of all files that this commit needs, but for the manifest. */
  public List<String> files() {
    return Stream.concat(
            codecs.stream().map(CodecEntry::file),
            segments.stream().flatMap(s -> s.files().stream()))
        .toList();
  }
}
