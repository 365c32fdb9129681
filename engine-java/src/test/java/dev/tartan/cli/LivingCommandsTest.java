package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.Tartan;
import dev.tartan.collection.Document;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.segment.IndexDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An index from its first documents on: added to, updated, deleted from, compacted, repaired. */
class LivingCommandsTest {
  private static final List<String> ABSTRACTS = Samples.abstracts(12);

  @TempDir Path directory;
  private Path index = Path.of("");

  @BeforeEach
  void write() throws IOException {
    index = directory.resolve("index");
    Typed.run("index", "--collection", file(ABSTRACTS.subList(0, 8)), "--index", index).ok();
  }

  private Path file(List<String> lines) throws IOException {
    return Files.write(Files.createTempFile(directory, "c", ".jsonl"), lines);
  }

  private static String id(int document) {
    return ABSTRACTS.get(document).replaceFirst("\\{\"_id\":\"([^\"]*)\".*", "$1");
  }

  @Test
  void fromTheFirstDocumentsToACompactIndex() throws IOException {
    String out =
        Typed.run("add", "--collection", file(ABSTRACTS.subList(8, 12)), "--index", index).ok();
    assertTrue(out.contains("12 documents, 8 before; 2 segments"), out);
    assertEquals(id(10), best(title(10)));
    Path changed =
        file(List.of("{\"_id\": \"%s\", \"text\": \"zebras eat grass\"}".formatted(id(10))));
    Typed.run("add", "--collection", changed, "--index", index)
        .fails(id(10), "in the index already", "upsert");
    Typed.run("add", "--collection", changed, "--index", index, "--upsert").ok();
    assertEquals(id(10), best("zebras eat grass"));
    out = Typed.run("delete", "--index", index, id(0), id(10)).ok();
    assertTrue(out.contains("2 documents deleted, 10 left"), out);
    assertFalse(best("zebras eat grass").equals(id(10)));
    String info = Typed.run("info", "--index", index).ok();
    assertTrue(info.contains("10 (and 2 deleted"), info);
    assertTrue(info.contains("codec fit      mean squared distance"), info);
    Typed.run("verify", "--index", index).ok();
    out = Typed.run("compact", "--index", index).ok();
    assertTrue(out.contains("10 documents, 1 segment, "), out);
    out = Typed.run("compact", "--index", index, "--retrain").ok();
    assertTrue(out.contains("centroids"), out);
    assertEquals(
        10,
        Typed.run("info", "--index", index, "--json")
            .json()
            .at("/manifest/segments/0/documents")
            .asInt());
    assertEquals(id(3), best(title(3)));
    Typed.run("search", "--index", index, "cells", "--verify").ok();
  }

  @Test
  void idsThatAreNotThere() throws IOException {
    Typed.run("delete", "--index", index, id(1), "nobody").fails("'nobody'", "nothing is deleted");
    assertEquals(1, Typed.run("search", "--index", index, title(1), "-k", 1).ok().lines().count());
    assertEquals(id(1), best(title(1)));
    Path ids = Files.write(directory.resolve("ids"), List.of("nobody", id(1)));
    String out =
        Typed.run("delete", "--index", index, "--ids", ids, "--ignore-missing", "--json").ok();
    assertTrue(out.contains("\"missing\":1"), out);
    assertFalse(best(title(1)).equals(id(1)));
  }

  @Test
  void whatIsRefused() throws IOException {
    Path none = directory.resolve("none");
    Path more = file(ABSTRACTS.subList(8, 9));
    Typed.run("add", "--collection", more, "--index", none).fails("there is no index");
    Typed.run("delete", "--index", none, "x").fails("there is no index");
    Typed.run("compact", "--index", none).fails("there is no index");
    Typed.run("repair", "--index", none).fails("there is no index");
    assertFalse(Files.exists(none));
    Typed.run("delete", "--index", index).isWrongUsage("no document is named");
    Typed.run("add", "--index", index).isWrongUsage("--collection");
    Typed.run("add", "--index", index, "--embeddings", more, "--doclens", more)
        .isWrongUsage("--ids is missing");
    try (IndexDirectory _ = IndexDirectory.open(index)) {
      Typed.run("add", "--collection", more, "--index", index).fails("being written by");
      Typed.run("delete", "--index", index, id(1)).fails("being written by");
    }
    Typed.run("add", "--collection", more, "--index", Samples.embeddingIndex())
        .fails("knows no model");
  }

  @Test
  void aDamagedIndexIsRepaired() throws IOException {
    Typed.run("add", "--collection", file(ABSTRACTS.subList(8, 12)), "--index", index).ok();
    assertTrue(Typed.run("repair", "--index", index).ok().contains("is whole"));
    Path damaged;
    try (var files = Files.list(index)) {
      damaged = files.filter(f -> f.toString().endsWith(".factors")).sorted().toList().getLast();
    }
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[100] ^= 1;
    Files.write(damaged, bytes);
    Typed.run("verify", "--index", index).fails(damaged.getFileName().toString(), "tartan repair");
    Typed repaired = Typed.run("repair", "--index", index);
    assertEquals(1, repaired.exit());
    assertTrue(repaired.out().contains("8 documents are whole"), repaired.out());
    assertTrue(repaired.out().contains("4 are lost"), repaired.out());
    Typed.run("verify", "--index", index).ok();
    assertEquals(id(3), best(title(3)));
  }

  @Test
  void fromJava() {
    try (Tartan tartan = Tartan.open(index)) {
      tartan.add(List.of(new Document("zebra", "", "zebras eat grass")));
      assertEquals(8, tartan.searcher().snapshot().manifest().documents());
      assertTrue(
          tartan.search("zebras eat grass", 8).stream().noneMatch(h -> h.id().equals("zebra")));
      try (Tartan newer = tartan.newest()) {
        List<Hit> hits = newer.search("zebras eat grass", 1);
        assertEquals("zebra", hits.getFirst().id());
        assertEquals("zebras eat grass", newer.text(hits.getFirst()));
        Assertions.assertSame(newer, newer.newest());
        newer.update(List.of(new Document("zebra", "", "lions eat zebras")));
        newer.delete(List.of(id(0)));
        TartanException e =
            Assertions.assertThrows(TartanException.class, () -> newer.delete(List.of(id(0))));
        assertTrue(String.valueOf(e.getMessage()).contains(id(0)), e.getMessage());
      }
      try (Tartan newest = tartan.newest()) {
        assertEquals(8, newest.searcher().snapshot().manifest().documents());
        assertEquals("lions eat zebras", newest.text(newest.search("lions", 1).getFirst()));
      }
      assertEquals(1, tartan.search("cells", 1).size());
    }
  }

  private String title(int document) {
    return ABSTRACTS.get(document).replaceFirst(".*\"title\":\"([^\"]*)\".*", "$1");
  }

  private String best(String query) throws IOException {
    return Typed.run("search", "--index", index, query, "-k", 1, "--json")
        .json()
        .at("/hits/0/id")
        .asText();
  }
}
