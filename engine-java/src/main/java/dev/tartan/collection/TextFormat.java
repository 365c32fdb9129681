package dev.tartan.collection;

import java.nio.file.Path;
import java.util.Locale;

/** How a collection or query file writes its records. */
enum TextFormat {
  /** One JSON object a line, as in BEIR. */
  JSONL,
  /** Columns parted by tabs, as in MS MARCO. */
  TSV;

  /** By the extension, before a possible .gz; where that tells nothing, by the first byte. */
  static TextFormat of(Lines lines) {
    Path name = lines.path().getFileName();
    String lower = name == null ? "" : name.toString().toLowerCase(Locale.ROOT);
    String plain = lower.endsWith(".gz") ? lower.substring(0, lower.length() - 3) : lower;
    if (plain.endsWith(".jsonl") || plain.endsWith(".json")) {
      return JSONL;
    }
    if (plain.endsWith(".tsv")) {
      return TSV;
    }
    int first = lines.firstByte();
    return first == '{' || first == '[' ? JSONL : TSV;
  }
}
