package dev.tartan.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.collection.Document;
import dev.tartan.segment.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Documents that are split, from the collection to the hit that tells where it is. */
class SplitTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String QUERY = "regulatory T cells expressing CD127 and FoxP3";

  @TempDir Path directory;

  private Path index(Object... more) throws IOException {
    Path docs = Files.write(directory.resolve("d.jsonl"), Samples.abstracts(8));
    Path index = directory.resolve("index");
    Object[] args = new Object[5 + more.length];
    System.arraycopy(new Object[] {"index", "--collection", docs, "--index", index}, 0, args, 0, 5);
    System.arraycopy(more, 0, args, 5, more.length);
    Typed.run(args).ok();
    return index;
  }

  private static JsonNode document(String id) throws IOException {
    for (String line : Samples.abstracts(8)) {
      if (JSON.readTree(line).path("_id").asText().equals(id)) {
        return JSON.readTree(line);
      }
    }
    throw new AssertionError("no document " + id);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tokens", "sentences"})
  void aHitTellsItsPlaceInTheDocument(String unit) throws IOException {
    Path index = index("--split", 40, "--overlap", 8, "--split-by", unit);
    Typed.run("verify", "--index", index).ok();
    String info = Typed.run("info", "--index", index).ok();
    assertTrue(info.contains("of at most 40 word pieces, up to 8 shared)"), info);
    assertEquals(unit.equals("sentences"), info.contains("whole sentences"), info);
    JsonNode hits = Typed.run("search", "--index", index, QUERY, "--json").json().path("hits");
    assertEquals(8, hits.size());
    Set<Integer> numbers = new HashSet<>();
    for (JsonNode hit : hits) {
      JsonNode document = document(hit.path("id").asText());
      String part =
          document
              .path("text")
              .asText()
              .substring(hit.path("from").asInt(), hit.path("to").asInt());
      assertEquals(part.strip(), part);
      String title = document.path("title").asText();
      assertTrue(
          hit.path("text").asText().endsWith(Document.passage("", part)), () -> hit.toString());
      assertTrue(
          hit.path("text").asText().startsWith(title.substring(0, 10)), () -> hit.toString());
      numbers.add(hit.path("passage").asInt());
    }
    assertTrue(numbers.size() > 1, numbers.toString());
  }

  @Test
  void linesShowThePlaceAndRunsHoldADocumentOnce() throws IOException {
    Path index = index("--split", 32);
    String out = Typed.run("search", "--index", index, QUERY, "-k", 3).ok();
    assertTrue(out.lines().allMatch(line -> line.matches(".* \\d+ \\[\\d+-\\d+] .*")), out);
    Path asked = Files.writeString(directory.resolve("q.tsv"), "a\t" + QUERY + "\n");
    Path run = directory.resolve("out.trec");
    Typed.run("search", "--index", index, "--queries", asked, "--run", run).ok();
    List<String> ids =
        Files.readAllLines(run).stream().map(line -> line.split(" ", -1)[2]).toList();
    assertEquals(8, ids.size());
    assertEquals(8, Set.copyOf(ids).size());
  }

  @Test
  void aWholeDocumentIsOnePassage() throws IOException {
    JsonNode hit =
        Typed.run("search", "--index", Samples.textIndex(), QUERY, "--json").json().at("/hits/0");
    assertEquals(0, hit.path("passage").asInt());
    assertEquals(0, hit.path("from").asInt());
    assertTrue(hit.path("to").asInt() > 250, hit.toString());
    String out = Typed.run("search", "--index", Samples.textIndex(), QUERY).ok();
    assertFalse(out.lines().findFirst().orElse("").matches(".*\\[\\d+-\\d+].*"), out);
  }

  /** Text that is no English: ideographs without spaces, emoji, combining marks, a long word. */
  @Test
  void anyTextIsSplitAndFound() throws IOException {
    String han = "混成検索は文書を高速に見つける。次の文はここにある！";
    String text =
        han.repeat(6)
            + "\uD83D\uDE00".repeat(30)
            + " e\u0301\u0301 "
            + "x".repeat(3000)
            + "\n\n"
            + "Penguins swim in cold water. ".repeat(20);
    Path docs = directory.resolve("d.jsonl");
    Files.write(
        docs,
        List.of(
            JSON.writeValueAsString(new Document("a", "", text)).replace("\"id\"", "\"_id\""),
            "{\"_id\": \"b\", \"title\": \"only a title\", \"text\": \"\"}",
            "{\"_id\": \"c\", \"title\": \"\", \"text\": \" \"}"));
    Path index = directory.resolve("index");
    Typed typed =
        Typed.run("index", "--collection", docs, "--index", index, "--split", 24, "--overlap", 6);
    typed.ok();
    assertTrue(typed.err().contains("1 document has no text to index (first: 'c')"), typed.err());
    JsonNode hits =
        Typed.run("search", "--index", index, "cold penguins", "--json").json().path("hits");
    assertEquals("a", hits.at("/0/id").asText());
    String part = text.substring(hits.at("/0/from").asInt(), hits.at("/0/to").asInt());
    assertEquals(Document.passage("", part), hits.at("/0/text").asText());
    assertTrue(part.contains("Penguins"), part);
    assertEquals(0, hits.at("/1/to").asInt());
  }

  @Test
  void pooledPassagesAreFoundAndExplained() throws IOException {
    Path index = index("--pool-factor", 3);
    Typed.run("verify", "--index", index).ok();
    String info = Typed.run("info", "--index", index).ok();
    assertTrue(info.contains("pooled: one for every 3 of a text"), info);
    Manifest pooled = Manifest.read(index);
    Manifest whole = Manifest.read(Samples.textIndex());
    double share =
        ((double) pooled.tokens() / pooled.passages())
            / ((double) whole.tokens() / whole.passages());
    assertEquals(1.0 / 3, share, 0.1);
    Typed explained = Typed.run("search", "--index", index, QUERY, "--explain", "-k", 1);
    assertTrue(explained.ok().contains("+"), explained.out());
  }
}
