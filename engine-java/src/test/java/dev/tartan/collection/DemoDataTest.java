package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bundled sample is whole: every claim has its abstracts, and the licence notice is there. */
class DemoDataTest {
  @TempDir Path directory;

  @Test
  void sampleIsConsistent() throws IOException {
    Path collection = copy("scifact-sample.jsonl");
    assertTrue(Files.size(collection) < 600 << 10);
    Set<String> ids = new HashSet<>();
    new Collection(collection)
        .forEach(
            document -> {
              assertTrue(ids.add(document.id()), document.id());
              assertFalse(document.passage().isEmpty(), document.id());
            });
    assertEquals(300, ids.size());
    List<Query> queries = Queries.read(copy("scifact-sample-queries.jsonl"));
    assertEquals(40, queries.size());
    Qrels qrels = Qrels.read(copy("scifact-sample-qrels.tsv"));
    assertEquals(queries.stream().map(Query::id).collect(Collectors.toSet()), qrels.queryIds());
    for (String query : qrels.queryIds()) {
      assertTrue(ids.containsAll(qrels.judgements(query).keySet()), query);
    }
  }

  @Test
  void licencesAreNamed() throws IOException {
    String notice = Files.readString(copy("ATTRIBUTION.md"));
    for (String part : List.of("CC BY 4.0", "ODC-By 1.0", "Wadden", "S2ORC", "Changes")) {
      assertTrue(notice.contains(part), part);
    }
  }

  private Path copy(String name) throws IOException {
    Path target = directory.resolve(name);
    try (InputStream in = DemoDataTest.class.getResourceAsStream("/dev/tartan/demo/" + name)) {
      assertNotNull(in, name);
      Files.copy(in, target);
    }
    return target;
  }
}
