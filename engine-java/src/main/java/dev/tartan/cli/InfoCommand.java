package dev.tartan.cli;

import dev.tartan.collection.Splitting;
import dev.tartan.encode.TokenPooling;
import dev.tartan.metadata.Filter;
import dev.tartan.segment.Component;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Segment;
import dev.tartan.segment.Snapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tells what an index is made of. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Tells what an index holds and how large it is.",
      "",
      "Lists the size by file kind, bytes a token, and the search settings measured on the index. Bytes a",
      "token counts everything but the codec (a constant), external ids, stored text and metadata, which are",
      "listed apart.",
    },
    footer = {"", "Example:", "  tartan info --index my-index --verify"})
final class InfoCommand implements Callable<Integer> {
  private static final Set<Component> APART =
      EnumSet.of(
          Component.ID_OFFSETS,
          Component.IDS,
          Component.TEXT_OFFSETS,
          Component.TEXT,
          Component.SPANS,
          Component.METADATA_OFFSETS,
          Component.METADATA,
          Component.FIELDS);

  @SuppressWarnings("NullAway.Init")
  @Option(names = "--index", required = true, paramLabel = "DIR", description = "The index.")
  Path index;

  @Option(names = "--verify", description = "Compare every file with its checksum.")
  boolean verify;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    try (Snapshot snapshot = Snapshot.open(index)) {
      if (verify) {
        snapshot.verify();
      }
      Map<Component, Long> sizes = sizes(snapshot);
      long counted =
          sizes.entrySet().stream()
              .filter(e -> !APART.contains(e.getKey()))
              .mapToLong(Map.Entry::getValue)
              .sum();
      double perToken = (double) counted / Math.max(1, snapshot.manifest().tokens());
      if (output.json) {
        printJson(snapshot, sizes, perToken);
      } else {
        print(snapshot, sizes, perToken);
      }
    }
    return 0;
  }

  private static Map<Component, Long> sizes(Snapshot snapshot) {
    Map<Component, Long> sizes = new LinkedHashMap<>();
    for (Component component : Component.values()) {
      long bytes = 0;
      for (Segment segment : snapshot.segments()) {
        bytes += segment.bytes(component);
      }
      if (bytes > 0) {
        sizes.put(component, bytes);
      }
    }
    return sizes;
  }

  private void print(Snapshot snapshot, Map<Component, Long> sizes, double perToken) {
    printContent(snapshot.manifest());
    printFields(snapshot);
    output.print("");
    printSizes(snapshot, sizes, perToken);
    output.print("");
    printSearch(snapshot.manifest());
  }

  private void printContent(Manifest manifest) {
    long tokens = manifest.tokens();
    line("index", index + " (commit %d, %s)".formatted(manifest.commit(), manifest.created()));
    String model = manifest.model();
    String language = manifest.language() == null ? "" : " (" + manifest.language() + ")";
    line("model", model == null ? "none: brought embeddings" : model + language);
    line("documents", number(manifest.documents()) + deleted(manifest));
    line("segments", number(manifest.segments().size()));
    line("passages", number(manifest.passages()) + split(manifest.splitting()));
    line(
        "tokens",
        String.format(
                Locale.ROOT, "%,d (%.1f a passage)", tokens, (double) tokens / manifest.passages())
            + pooled(manifest.tokenPooling()));
    line(
        "codec",
        "%s, %d bits, dim %d, %s centroids"
            .formatted(
                manifest.codec().kind(),
                manifest.codec().nbits(),
                manifest.dim(),
                number(manifest.codec().centroids())));
    Health.of(manifest).lines().forEach(told -> line("codec fit", told));
  }

  private void printFields(Snapshot snapshot) {
    String name = "fields";
    for (Map.Entry<String, FieldCount> field : fields(snapshot).entrySet()) {
      line(
          name,
          "%s: %s, %s documents"
              .formatted(
                  field.getKey(), field.getValue().type(), number(field.getValue().documents())));
      name = "";
    }
  }

  /**
   * One field.
   *
   * @param documents living ones that have it
   */
  record FieldCount(String type, boolean declared, long documents) {}

  private static Map<String, FieldCount> fields(Snapshot snapshot) {
    Map<String, FieldCount> counts = new LinkedHashMap<>();
    snapshot
        .manifest()
        .schema()
        .fields()
        .forEach(
            (name, field) -> {
              Filter exists = Filter.field(name).exists();
              long documents = 0;
              for (Segment segment : snapshot.segments()) {
                for (int document : segment.matching(exists)) {
                  documents += segment.isLive(document) ? 1 : 0;
                }
              }
              counts.put(name, new FieldCount(field.type().label(), field.declared(), documents));
            });
    return counts;
  }

  private static String deleted(Manifest manifest) {
    long stored = manifest.segments().stream().mapToLong(Manifest.SegmentEntry::documents).sum();
    long deleted = stored - manifest.documents();
    return deleted == 0
        ? ""
        : " (and %s deleted, which 'tartan compact' removes)".formatted(number(deleted));
  }

  private static String pooled(TokenPooling pooling) {
    return pooling.factor() == 1
        ? ""
        : ", pooled: one for every %d of a text".formatted(pooling.factor());
  }

  private static String split(@Nullable Splitting split) {
    return split == null
        ? ""
        : " (%s of at most %d word pieces%s)"
            .formatted(
                split.unit() == Splitting.Unit.SENTENCES ? "whole sentences" : "split into pieces",
                split.tokens(),
                split.overlap() == 0 ? "" : ", up to %d shared".formatted(split.overlap()));
  }

  private void printSizes(Snapshot snapshot, Map<Component, Long> sizes, double perToken) {
    Manifest manifest = snapshot.manifest();
    long tokens = manifest.tokens();
    sizes.forEach(
        (component, bytes) ->
            line(
                component.extension(),
                String.format(
                        Locale.ROOT, "%,14d bytes  %7.3f a token", bytes, (double) bytes / tokens)
                    + (APART.contains(component) ? "  (apart)" : "")));
    line(
        "codec file",
        String.format(Locale.ROOT, "%,14d bytes           (apart)", snapshot.codecBytes()));
    line(
        "bytes a token",
        String.format(
            Locale.ROOT,
            "%.2f, that is %.1f times smaller than 16-bit embeddings",
            perToken,
            2.0 * manifest.dim() / perToken));
  }

  private void printSearch(Manifest manifest) {
    curves(manifest).forEach(output::print);
    line(
        "health",
        verify
            ? "every file matches its checksum"
            : "headers are whole; --verify reads everything");
  }

  /** The curves of recall as a table. */
  static List<String> curves(Manifest manifest) {
    if (manifest.curves().isEmpty()) {
      return List.of("search         not measured on this index: 'tartan tune' does that");
    }
    List<String> lines = new ArrayList<>();
    lines.add("search         recall    nprobe     ndocs    scored");
    for (Manifest.SearchEntry entry : manifest.curves()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-14s  %.3f %,9d %,9d %,9d",
              "  k <= " + entry.k(),
              entry.recall(),
              entry.nprobe(),
              entry.ndocs(),
              entry.scored()));
    }
    return lines;
  }

  private void printJson(Snapshot snapshot, Map<Component, Long> sizes, double perToken) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("manifest", snapshot.manifest());
    Map<String, Long> bytes = new LinkedHashMap<>();
    sizes.forEach((component, size) -> bytes.put(component.extension(), size));
    values.put("fields", fields(snapshot));
    values.put("bytes", bytes);
    values.put("codecBytes", snapshot.codecBytes());
    values.put("bytesPerToken", perToken);
    values.put("compressionOf16Bit", 2.0 * snapshot.manifest().dim() / perToken);
    output.printJson(values);
  }

  private void line(String name, String value) {
    output.print(String.format(Locale.ROOT, "%-14s %s", name, value));
  }

  private static String number(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }
}
