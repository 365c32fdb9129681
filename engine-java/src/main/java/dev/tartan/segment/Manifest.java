package dev.tartan.segment;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.TokenPooling;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
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
 * @param codec the codec of all segments
 * @param segments in the order of their documents
 * @param search the curves of recall measured on this index, by ascending k and then recall
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
    CodecEntry codec,
    List<SegmentEntry> segments,
    List<SearchEntry> search) {
  /** The name of the file. */
  public static final String FILE = "manifest.json";

  private static final String SENTENCES = "sentences";
  private static final String NO_CHECKSUM = "00000000";
  private static final Pattern CHECKSUM = Pattern.compile("\"checksum\" : \"([0-9a-f]{8})\"");
  private static final Comparator<SearchEntry> ORDER =
      Comparator.comparing(SearchEntry::k).thenComparing(SearchEntry::recall);
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /**
   * The codec file.
   *
   * @param rotation whether a dim x dim matrix precedes the centroids
   */
  public record CodecEntry(String file, String kind, int nbits, long centroids, boolean rotation) {}

  /**
   * One segment.
   *
   * @param name the files are {@code name.extension}
   * @param components the extensions of its files
   */
  public record SegmentEntry(
      String name, long documents, long passages, long tokens, List<String> components) {}

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
      long commit, String created, Source source, CodecEntry codec, List<SegmentEntry> segments) {
    Splitting split = source.split();
    return new Manifest(
        NO_CHECKSUM,
        ArrayFile.FORMAT,
        commit,
        created,
        source.model(),
        source.language(),
        source.dim(),
        split == null ? null : split.tokens(),
        split == null || split.overlap() == 0 ? null : split.overlap(),
        split == null || split.unit() == Splitting.Unit.TOKENS ? null : SENTENCES,
        source.pooling().equals(TokenPooling.NONE) ? null : source.pooling(),
        codec,
        segments,
        List.of());
  }

  /** The same files with measured search settings, as the next commit. */
  public Manifest withSearch(List<SearchEntry> measured) {
    return new Manifest(
        NO_CHECKSUM,
        format,
        commit + 1,
        created,
        model,
        language,
        dim,
        split,
        overlap,
        splitBy,
        pooling,
        codec,
        segments,
        measured);
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
    try {
      return parse(path, Files.readString(path));
    } catch (java.nio.charset.CharacterCodingException e) {
      throw ArrayFile.damaged(path, "it is not UTF-8");
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
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

  private static Manifest parse(Path path, String text) {
    try {
      JsonNode tree = JSON.readTree(text);
      int format = tree.path("format").asInt();
      if (format > ArrayFile.FORMAT) {
        throw new TartanException(
            "%s has format %d; this version reads up to %d: use a newer Tartan"
                .formatted(path, format, ArrayFile.FORMAT));
      }
      Matcher matcher = CHECKSUM.matcher(text);
      if (!matcher.find() || !matcher.group(1).equals(checksum(matcher.replaceFirst(zeroed())))) {
        throw ArrayFile.damaged(path, "it does not match its checksum");
      }
      Manifest manifest = JSON.treeToValue(tree, Manifest.class);
      for (int i = 1; i < manifest.search.size(); i++) {
        if (ORDER.compare(manifest.search.get(i - 1), manifest.search.get(i)) >= 0) {
          throw ArrayFile.damaged(path, "its curves of recall do not ascend");
        }
      }
      return manifest;
    } catch (JsonProcessingException e) {
      throw ArrayFile.damaged(path, "it is not the JSON that Tartan writes");
    }
  }

  /** The bytes of the file, with the checksum filled in. */
  byte[] toBytes() {
    try {
      String text =
          JSON.writeValueAsString(
              new Manifest(
                  NO_CHECKSUM,
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
                  codec,
                  segments,
                  search));
      String sealed =
          CHECKSUM.matcher(text).replaceFirst("\"checksum\" : \"" + checksum(text) + "\"");
      return sealed.getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  public long documents() {
    return segments.stream().mapToLong(SegmentEntry::documents).sum();
  }

  public long passages() {
    return segments.stream().mapToLong(SegmentEntry::passages).sum();
  }

  public long tokens() {
    return segments.stream().mapToLong(SegmentEntry::tokens).sum();
  }

  /** The names of all files that this commit needs, but for the manifest. */
  public List<String> files() {
    return java.util.stream.Stream.concat(
            java.util.stream.Stream.of(codec.file()),
            segments.stream().flatMap(s -> s.components().stream().map(c -> s.name() + "." + c)))
        .toList();
  }

  private static String zeroed() {
    return "\"checksum\" : \"" + NO_CHECKSUM + "\"";
  }

  private static String checksum(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return String.format(Locale.ROOT, "%08x", crc.getValue());
  }
}
