package dev.tartan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Queries;
import dev.tartan.collection.Query;
import dev.tartan.compute.Backend;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.TokenPooling;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.memory.Progress;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Real text in five languages through every kind of checkpoint, from collection to hits. The models
 * have random weights, so only that all goes well is checked, not what is found.
 */
@Tag("slow")
class MultilingualTest {
  private static final int QUERIES = 100;

  private final Path shared = Path.of(System.getProperty("tartan.shared", "."));

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "bert-colbert,, 1",
    "bert-colbert-bin,, 1",
    "modernbert-pylate,, 1",
    "xlmr-colbert,, 1",
    "xmod-colbert, en_XX, 1",
    "xmod-colbert, de, 1",
    "bert-colbert,, 3",
    "modernbert-pylate,, 2"
  })
  void everyCheckpointIndexesAndSearches(String model, @Nullable String language, int pooled) {
    Path folder = shared.resolve("golden").resolve(model);
    Path data = shared.resolve("data/xquad-r");
    assumeTrue(Files.isDirectory(folder), "no golden fixtures: set -Dtartan.shared=DIR");
    assumeTrue(Files.isDirectory(data), "no XQuAD-R: set -Dtartan.shared=DIR");
    for (String text : List.of("en", "de", "es", "ar", "zh")) {
      Path index = directory.resolve(text);
      try (Backend backend = Backends.open("auto", 2, _ -> {});
          Encoder encoder = Encoders.open(folder.toString(), 2, language)) {
        IndexOptions options = IndexOptions.of(encoder).withPooling(TokenPooling.by(pooled));
        TextIndexer.Result result =
            new TextIndexer(encoder, backend, Progress.NONE)
                .index(new Collection(data.resolve(text + "/corpus.jsonl")), index, options);
        assertTrue(result.manifest().documents() > 1000, text);
        assertEquals(0, result.withoutText(), text);
      }
      search(index, data.resolve(text + "/queries.jsonl"));
    }
  }

  private static void search(Path index, Path file) {
    List<String> queries = Queries.read(file).stream().limit(QUERIES).map(Query::text).toList();
    try (Tartan tartan = Tartan.open(index)) {
      List<List<Hit>> hits = tartan.searchAll(queries, SearchOptions.top(10));
      assertEquals(queries.size(), hits.size());
      for (List<Hit> list : hits) {
        assertEquals(10, list.size());
        list.forEach(hit -> assertTrue(Float.isFinite(hit.score())));
      }
    }
  }
}
