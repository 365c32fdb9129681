package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.memory.DType;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.NpyWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Metadata and filters on the command line. */
class FilterTest {
  @TempDir Path directory;

  private Path collection() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      lines.add(
          "{\"_id\": \"d%d\", \"text\": \"migraine and aura, case %d\", \"metadata\": {\"year\": %d, \"tag\": \"%s\"}}"
              .formatted(i, i, 2010 + i, i % 2 == 0 ? "even" : "odd"));
    }
    return Files.write(directory.resolve("docs.jsonl"), lines);
  }

  private List<String> found(Path index, Object... options) throws IOException {
    List<Object> words = new ArrayList<>(List.of("search", "--index", index, "migraine", "--json"));
    words.addAll(List.of(options));
    List<String> ids = new ArrayList<>();
    for (JsonNode hit : Typed.run(words.toArray()).json().path("hits")) {
      ids.add(hit.path("id").asText());
      assertEquals(
          2010 + Integer.parseInt(hit.path("id").asText().substring(1)),
          hit.path("metadata").path("year").asInt());
    }
    return ids.stream().sorted().toList();
  }

  @Test
  void onlyWhatAFilterIsTrueOfIsFound() throws IOException {
    Path index = directory.resolve("index");
    Typed.run("index", "--collection", collection(), "--index", index, "--field", "late=date").ok();
    assertEquals(List.of("d10", "d8"), found(index, "--filter", "year >= 2018 and tag = 'even'"));
    assertEquals(
        List.of("d3"), found(index, "--filter-json", "{\"field\": \"year\", \"=\": 2013}"));
    Path json = Files.writeString(directory.resolve("f.json"), "{\"ids\": [\"d3\", \"d4\"]}");
    Path ids = Files.writeString(directory.resolve("ids.txt"), "d4\nd5\n");
    assertEquals(List.of("d4"), found(index, "--filter-json", json, "--ids-only", ids));
    assertEquals(List.of(), found(index, "--filter", "not exists(year)"));
    String info = Typed.run("info", "--index", index, "--verify").ok();
    assertTrue(info.contains("late: date, 0 documents"), info);
    assertTrue(info.contains("year: number, 12 documents"), info);
    assertEquals(
        12,
        Typed.run("info", "--index", index, "--json").json().at("/fields/tag/documents").asInt());
    search(index, "--filter", "year >=").isWrongUsage("filter, column 8: expected a 'string'");
    search(index, "--filter", "yaer = 1")
        .fails("there is no field 'yaer'; there are late, tag, year");
    search(index, "--filter", "year = 'a'").fails("field 'year' is a number, 'a' is a string");
    search(index, "--filter-json", "none.json").fails("none.json", "no such file");
  }

  private static Typed search(Path index, String option, String value) {
    return Typed.run("search", "--index", index, "migraine", option, value);
  }

  @Test
  void metadataThatDoNotFitAreToldBeforeAModelLoads() throws IOException {
    Path collection = collection();
    Files.writeString(
        collection,
        "{\"_id\": \"x\", \"text\": \"y\", \"metadata\": {\"year\": \"n.d.\"}}\n",
        java.nio.file.StandardOpenOption.APPEND);
    Path index = directory.resolve("index");
    Typed typed = Typed.run("index", "--collection", collection, "--index", index);
    typed.fails(
        "docs.jsonl, line 13: document 'x': field 'year' is a number, but 'n.d.' is a string",
        "--field year=string");
    assertFalse(Files.exists(index));
    Typed.run("index", "--collection", collection, "--index", index, "--field", "year=int")
        .isWrongUsage("'year=int' declares no field", "string, number, date");
    Typed.run("index", "--collection", collection, "--index", index, "--field", "year=string").ok();
    assertTrue(search(index, "--filter", "year like '201_' and tag = 'odd'").ok().contains("d3"));
  }

  @Test
  void broughtEmbeddingsHaveMetadataToo() throws IOException {
    Path metadata = directory.resolve("m.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      lines.add(i == 3 ? "" : "{\"n\": %d}".formatted(i));
    }
    Files.write(metadata, lines);
    Path index = directory.resolve("index");
    Samples.indexEmbeddings(directory, index, "--metadata", metadata).ok();
    Path queries = queries();
    Path run = directory.resolve("run.trec");
    Typed.run(
            "search",
            "--index",
            index,
            "--query-embeddings",
            queries,
            "--run",
            run,
            "--filter",
            "n < 5 or not exists(n)")
        .ok();
    assertEquals(5, Files.readAllLines(run).size());
    Files.write(metadata, lines.subList(0, 29));
    Samples.indexEmbeddings(directory, index, "--metadata", metadata, "--replace")
        .fails("metadata of 29 documents for 30 passages");
    lines.add("{}");
    Files.write(metadata, lines);
    Samples.indexEmbeddings(directory, index, "--metadata", metadata, "--replace")
        .fails("metadata of more documents than the 30 passages");
  }

  /** One query of two rows. */
  private Path queries() {
    Path path = directory.resolve("q.npy");
    try (Arena arena = Arena.ofConfined();
        NpyWriter out = new NpyWriter(path, DType.F32, 2, 16)) {
      float[] row = new float[16];
      row[0] = 1;
      out.writeRows(Matrix.of(arena, new float[][] {row, row}));
    }
    return path;
  }
}
