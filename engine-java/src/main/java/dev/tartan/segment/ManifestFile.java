package dev.tartan.segment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/** A manifest as JSON that holds its own checksum; the package documentation gives the bytes. */
final class ManifestFile {
  private static final Pattern CHECKSUM = Pattern.compile("\"checksum\" : \"([0-9a-f]{8})\"");
  private static final Comparator<Manifest.SearchEntry> ORDER =
      Comparator.comparing(Manifest.SearchEntry::k).thenComparing(Manifest.SearchEntry::recall);
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private ManifestFile() {}

  static Manifest parse(Path path) {
    try {
      return parse(path, Files.readString(path));
    } catch (java.nio.charset.CharacterCodingException e) {
      throw ArrayFile.damaged(path, "it is not UTF-8");
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  private static Manifest parse(Path path, String text) {
    try {
      JsonNode tree = JSON.readTree(text);
      int format = tree.path("format").asInt();
      if (format > Manifest.FORMAT) {
        throw new TartanException(
            "%s has format %d; this version reads up to %d: use a newer Tartan"
                .formatted(path, format, Manifest.FORMAT));
      }
      Matcher matcher = CHECKSUM.matcher(text);
      if (!matcher.find() || !matcher.group(1).equals(checksum(matcher.replaceFirst(zeroed())))) {
        throw ArrayFile.damaged(path, "it does not match its checksum");
      }
      Manifest manifest = JSON.treeToValue(format == 1 ? upgraded(tree) : tree, Manifest.class);
      check(path, manifest);
      return manifest;
    } catch (JsonProcessingException e) {
      throw ArrayFile.damaged(path, "it is not the JSON that Tartan writes");
    }
  }

  /** A manifest of format 1 has one codec, and its segments do not name it. */
  private static JsonNode upgraded(JsonNode tree) {
    if (tree instanceof ObjectNode manifest) {
      JsonNode codec = manifest.path("codec");
      manifest.putArray("codecs").add(codec);
      for (JsonNode segment : manifest.path("segments")) {
        ((ObjectNode) segment).set("codec", codec.path("file"));
      }
    }
    return tree;
  }

  private static void check(Path path, Manifest manifest) {
    Set<String> known =
        manifest.codecs().stream().map(Manifest.CodecEntry::file).collect(Collectors.toSet());
    for (Manifest.SegmentEntry segment : manifest.segments()) {
      if (!known.contains(segment.codec())) {
        throw ArrayFile.damaged(path, "segment %s has no codec".formatted(segment.name()));
      }
    }
    List<Manifest.SearchEntry> search = manifest.search();
    for (int i = 1; i < search.size(); i++) {
      if (ORDER.compare(search.get(i - 1), search.get(i)) >= 0) {
        throw ArrayFile.damaged(path, "its curves of recall do not ascend");
      }
    }
  }

  /** The bytes of the file, with the checksum filled in. */
  static byte[] bytes(Manifest manifest) {
    try {
      String text = JSON.writeValueAsString(manifest.current());
      String sealed =
          CHECKSUM.matcher(text).replaceFirst("\"checksum\" : \"" + checksum(text) + "\"");
      return sealed.getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String zeroed() {
    return "\"checksum\" : \"" + Manifest.NO_CHECKSUM + "\"";
  }

  private static String checksum(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return String.format(Locale.ROOT, "%08x", crc.getValue());
  }
}
