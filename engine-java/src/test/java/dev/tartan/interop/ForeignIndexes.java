package dev.tartan.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyFile;
import dev.tartan.memory.Progress;
import dev.tartan.search.Calibration;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Snapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Indexes that the engines made (jmh/peers/foreign_indexes.py), one a state, and what they rank
 * best in it.
 */
public final class ForeignIndexes {
  /** Every state of every engine. */
  static final List<String> STATES =
      List.of(
          "colbert-ai-1bit",
          "colbert-ai-2bit",
          "colbert-ai-updated",
          "fast-plaid-fresh",
          "fast-plaid-buffered",
          "fast-plaid-expanded",
          "fast-plaid-deleted",
          "fast-plaid-shards",
          "next-plaid-fresh",
          "next-plaid-buffered",
          "next-plaid-expanded",
          "next-plaid-deleted");

  /** Of the exact hits a search as calibrated finds 95 of 100 on average; these are few queries. */
  private static final double SHARE = 0.8;

  private ForeignIndexes() {}

  /** Unpacks a state and returns the folder of its index. */
  public static Path unpack(String state, Path directory) throws IOException {
    try (InputStream in = resource(state + ".zip");
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path file = directory.resolve(entry.getName());
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.write(file, zip.readAllBytes());
      }
    }
    return directory.resolve("index");
  }

  /** An archive that compresses nothing. */
  static byte[] archive(Map<String, byte[]> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> file : entries.entrySet()) {
        ZipEntry entry = new ZipEntry(file.getKey());
        CRC32 crc = new CRC32();
        crc.update(file.getValue());
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(file.getValue().length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(file.getValue());
        zip.closeEntry();
      }
    }
    return bytes.toByteArray();
  }

  /** The queries that {@code expected.json} is for. */
  static List<Matrix> queries(Path directory, Arena arena) throws IOException {
    Path file = directory.resolve("queries.npy");
    try (InputStream in = resource("queries.npy")) {
      Files.write(file, in.readAllBytes());
    }
    return matrices(file, arena);
  }

  /** The queries in an array file of three dimensions. */
  static List<Matrix> matrices(Path path, Arena arena) {
    List<Matrix> queries = new ArrayList<>();
    try (NpyFile file = NpyFile.open(path)) {
      int rows = (int) file.shape()[1];
      int dim = (int) file.shape()[2];
      for (int q = 0; q < file.shape()[0]; q++) {
        Matrix query = Matrix.allocate(arena, rows, dim);
        file.readFloats((long) q * rows * dim, (long) rows * dim, query.data());
        queries.add(query);
      }
    }
    return queries;
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(
        ForeignIndexes.class.getResourceAsStream("/interop/" + name), name);
  }

  /** What the engine ranks best: for each query scores by ids, best first. */
  static List<List<Map.Entry<String, Double>>> expected(Path directory) throws IOException {
    List<List<Map.Entry<String, Double>>> all = new ArrayList<>();
    for (JsonNode query :
        new ObjectMapper().readTree(directory.resolve("expected.json").toFile())) {
      List<Map.Entry<String, Double>> hits = new ArrayList<>();
      query.forEach(hit -> hits.add(Map.entry(hit.get(0).asText(), hit.get(1).asDouble())));
      all.add(hits);
    }
    return all;
  }

  /**
   * Requires that an imported index finds what the engine found. Where everything is scored: at
   * each rank a score within {@code tolerance}, and the same documents but for those whose scores
   * are that near to each other. As calibrated: the share of them that is promised, with those
   * scores.
   */
  static void assertSameHits(
      Path index,
      List<Matrix> queries,
      List<List<Map.Entry<String, Double>>> expected,
      double tolerance) {
    try (Backend backend = Contenders.best(2)) {
      Calibration.calibrate(index, List.of(), List.of(10), backend, Progress.NONE);
      try (Snapshot snapshot = Snapshot.open(index)) {
        snapshot.verify();
        try (Searcher searcher = new Searcher(snapshot, backend)) {
          int found = 0;
          for (int q = 0; q < queries.size(); q++) {
            List<Hit> all = searcher.search(queries.get(q), SearchOptions.exhaustive(10));
            assertSame(all, expected.get(q), tolerance, "query " + q);
            List<Hit> hits = searcher.search(queries.get(q), SearchOptions.top(10));
            found += found(hits, expected.get(q), tolerance);
          }
          int wanted = expected.stream().mapToInt(List::size).sum();
          assertTrue(found >= SHARE * wanted, "finds %d of %d".formatted(found, wanted));
        }
      }
    }
  }

  private static void assertSame(
      List<Hit> hits, List<Map.Entry<String, Double>> expected, double tolerance, String what) {
    assertEquals(expected.size(), hits.size(), what);
    for (int rank = 0; rank < expected.size(); rank++) {
      double score = expected.get(rank).getValue();
      assertEquals(score, hits.get(rank).score(), tolerance, what + ", rank " + rank);
    }
    double last = expected.getLast().getValue();
    long clear = expected.stream().filter(e -> e.getValue() - last > tolerance).count();
    assertTrue(found(hits, expected, tolerance) >= clear, what + " finds other documents");
  }

  /** How many of the engine's hits are among ours, with the score that the engine gives them. */
  private static int found(
      List<Hit> hits, List<Map.Entry<String, Double>> expected, double tolerance) {
    Map<String, Double> scores = new HashMap<>();
    expected.forEach(hit -> scores.put(hit.getKey(), hit.getValue()));
    int found = 0;
    for (Hit hit : hits) {
      Double score = scores.get(hit.id());
      if (score != null) {
        assertEquals(score, hit.score(), tolerance, "document " + hit.id());
        found++;
      }
    }
    return found;
  }
}
