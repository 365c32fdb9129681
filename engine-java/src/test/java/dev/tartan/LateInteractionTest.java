package dev.tartan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.collection.Document;
import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoders;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import dev.tartan.search.Hit;
import dev.tartan.search.Passage;
import dev.tartan.segment.Segment;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The front door: one model, an index, documents in memory, texts to rerank. */
@TestInstance(Lifecycle.PER_CLASS)
class LateInteractionTest {
  private static final String QUERY = "which birds swim in cold waters of the southern hemisphere";
  private static final List<Document> DOCUMENTS =
      List.of(
          new Document(
              "codec", "", "Token embeddings are compressed to a centroid and a residual."),
          new Document("cake", "Baking", "The recipe needs two eggs, flour and a pinch of salt."),
          new Document("empty", "", " "),
          new Document(
              "penguins",
              "Birds of the south",
              "They are black and white.\n\nPenguins live in the southern hemisphere,  most of"
                  + " them swim in cold waters. They cannot fly. They eat krill and fish."),
          new Document("battery", "", "A battery stores energy as chemicals."));

  private LateInteraction model;

  @TempDir Path directory;

  @BeforeAll
  void open() {
    model = LateInteraction.fromPretrained(Encoders.TARTAN_MINI);
  }

  @AfterAll
  void close() {
    model.close();
  }

  @Test
  void indexesAndSearches() {
    Path path = directory.resolve("index");
    try (Tartan index = model.index(DOCUMENTS, path)) {
      assertEquals("penguins", index.search(QUERY, 3).getFirst().id());
      assertEquals(5, index.searcher().snapshot().manifest().documents());
    }
    try (Tartan index = model.open(path)) {
      assertEquals("cake", index.search("baking a cake", 1).getFirst().id());
    }
    try (Tartan alone = Tartan.open(path)) {
      assertEquals("cake", alone.search("baking a cake", 1).getFirst().id());
    }
  }

  @Test
  void aHitTellsItsPassageAndItsPlaceInTheText() {
    Splitting split = new Splitting(20, 0, Splitting.Unit.SENTENCES);
    try (Tartan index =
            model.index(
                DOCUMENTS,
                directory.resolve("split"),
                model.options().withSplit(split).withBits(4));
        EncodedDocuments few = model.encode(DOCUMENTS, split)) {
      Hit found = index.search(QUERY, 1).getFirst();
      assertEquals("penguins", found.id());
      Passage passage = index.passage(found);
      assertNotNull(passage.span());
      String text = DOCUMENTS.get(3).text();
      assertTrue(passage.span().of(text).startsWith("Penguins live in"), passage.toString());
      assertEquals("Birds of the south " + squeezed(passage.span().of(text)), passage.text());
      assertEquals(1, passage.number());
      Hit same = few.search(QUERY, 1).getFirst();
      assertEquals("penguins", same.id());
      assertEquals(passage, few.passage(same));
    }
  }

  /** Any text: ideographs, astral characters, white space of all kinds, a very long word. */
  @Test
  void everyPassageIsThePartOfTheTextThatItSays() {
    List<String> words =
        List.of(
            "late", "naïve.", "\uD83D\uDE00", "\uD842\uDFB7野家。", "これは文です。", "x".repeat(300), "?!");
    List<String> gaps = List.of(" ", "\u00A0 ", "\n\n", "\t", "");
    for (Splitting.Unit unit : Splitting.Unit.values()) {
      SplittableRandom random = new SplittableRandom(7);
      List<Document> documents = new ArrayList<>();
      for (int d = 0; d < 12; d++) {
        StringBuilder text = new StringBuilder(" ");
        for (int w = random.nextInt(100); w > 0; w--) {
          text.append(words.get(random.nextInt(words.size())));
          text.append(gaps.get(random.nextInt(gaps.size())));
        }
        String title = d % 3 == 0 ? "" : " A  title ";
        documents.add(new Document("d" + d, title, text.toString()));
      }
      IndexOptions options = model.options().withSplit(new Splitting(16, 5, unit));
      try (Tartan index = model.index(documents, directory.resolve("any"), options)) {
        index.searcher().snapshot().verify();
        Segment segment = index.searcher().snapshot().segments().getFirst();
        assertTrue(segment.passages() > 100, "passages");
        for (int p = 0; p < segment.passages(); p++) {
          Document document = documents.get(segment.document(p));
          Span span = segment.span(p);
          assertNotNull(span);
          assertEquals(
              Document.passage(document.title(), span.of(document.text())), segment.text(p));
        }
      }
    }
  }

  private static String squeezed(String text) {
    return text.replaceAll("\\s+", " ");
  }

  /** As a sum of greatest products, computed here, over more than one batch of passages. */
  @Test
  void searchInMemoryIsExact() {
    List<Document> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      Document document = DOCUMENTS.get(i % 5);
      many.add(new Document("d" + i, document.title(), document.text() + " Number " + i + "."));
    }
    try (EncodedDocuments encoded = model.encode(many);
        Arena arena = Arena.ofConfined()) {
      assertEquals(100, encoded.size());
      List<Hit> hits = encoded.search(QUERY, 100);
      assertEquals(100, hits.size());
      EncodedPassages passages =
          model.encoder().encodePassages(many.stream().map(Document::passage).toList(), arena);
      Matrix query = model.encoder().encodeQuery(QUERY, arena);
      double before = Double.POSITIVE_INFINITY;
      for (Hit hit : hits) {
        assertEquals("d" + hit.passage(), hit.id());
        assertEquals(maxSim(query, passages, hit.passage()), hit.score(), 1e-4);
        assertTrue(hit.score() <= before);
        before = hit.score();
      }
    }
  }

  private static double maxSim(Matrix query, EncodedPassages passages, int passage) {
    long first = 0;
    for (int p = 0; p < passage; p++) {
      first += passages.doclens()[p];
    }
    double sum = 0;
    for (long r = 0; r < query.rows(); r++) {
      double best = Double.NEGATIVE_INFINITY;
      for (long t = first; t < first + passages.doclens()[passage]; t++) {
        double dot = 0;
        for (int d = 0; d < query.dim(); d++) {
          dot += query.get(r, d) * passages.rows().get(t, d);
        }
        best = Math.max(best, dot);
      }
      sum += best;
    }
    return sum;
  }

  @Test
  void reranksTexts() {
    List<String> texts = DOCUMENTS.stream().map(Document::text).toList();
    List<Hit> hits = model.rerank(QUERY, texts, 2);
    assertEquals(List.of("3", 3), List.of(hits.getFirst().id(), hits.getFirst().passage()));
    assertEquals(2, hits.size());
    assertEquals(4, model.rerank(QUERY, texts, 10).size(), "all but the blank one");
    assertEquals(List.of(), model.rerank(QUERY, List.of(), 10));
    assertEquals(List.of(), model.rerank(QUERY, List.of(" "), 10));
    List<Hit> ties = model.rerank(QUERY, List.of("cold water", "fish", "cold water"), 3);
    List<String> order = ties.stream().map(Hit::id).toList();
    assertTrue(order.indexOf("0") < order.indexOf("2"), ties.toString());
  }

  @Test
  void manyThreadsSearchTheSame() throws ExecutionException, InterruptedException {
    try (EncodedDocuments encoded = model.encode(DOCUMENTS);
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Hit> expected = encoded.search(QUERY, 5);
      List<Future<List<Hit>>> answers = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        answers.add(threads.submit(() -> encoded.search(QUERY, 5)));
      }
      for (Future<List<Hit>> answer : answers) {
        assertEquals(expected, answer.get());
      }
    }
  }

  @Test
  void mistakesAreNamed() {
    try (EncodedDocuments encoded = model.encode(DOCUMENTS);
        Tartan index = model.index(DOCUMENTS, directory.resolve("index"))) {
      says("the query is blank", () -> encoded.search(" ", 1));
      says("the query is blank", () -> index.search("", 1));
      says("the query is blank", () -> model.rerank("\n", List.of("a"), 1));
      says("k is 0", () -> encoded.search(QUERY, 0));
      says("k is -1", () -> index.search(QUERY, -1));
      says("k is 0", () -> model.rerank(QUERY, List.of("a"), 0));
    }
    List<Document> twice = List.of(DOCUMENTS.get(0), DOCUMENTS.get(1), DOCUMENTS.get(0));
    List<Document> blank = List.of(new Document(" ", "", "text"));
    Path path = directory.resolve("mistakes");
    says("duplicate id 'codec': document 3", () -> model.encode(twice));
    says("duplicate id 'codec': document 3", () -> model.index(twice, path));
    says("document 1 has a blank id", () -> model.encode(blank));
    says("document 1 has a blank id", () -> model.index(blank, path));
    says("nothing to index", () -> model.index(List.of(), path));
    says("there is no index", () -> model.open(path));
    says("no such directory", () -> model.open(directory.resolve("none")));
    assertEquals(0, sizeOfNothing());
  }

  private int sizeOfNothing() {
    try (EncodedDocuments none = model.encode(List.of())) {
      assertEquals(List.of(), none.search(QUERY, 1));
      return none.size();
    }
  }

  private static void says(String part, Executable mistake) {
    TartanException e = assertThrows(TartanException.class, mistake);
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }

  @Test
  void whatIsClosedSaysSo() {
    EncodedDocuments encoded = model.encode(DOCUMENTS);
    encoded.close();
    encoded.close();
    assertThrows(IllegalStateException.class, () -> encoded.search(QUERY, 1));
    assertEquals(1, model.rerank(QUERY, List.of("a"), 1).size(), "the model is still open");
  }

  /** In whatever order things are closed, nothing is used that is gone. */
  @Test
  void closingTheModelClosesWhatItOpened() {
    LateInteraction own = LateInteraction.fromPretrained(Encoders.TARTAN_MINI);
    EncodedDocuments encoded = own.encode(DOCUMENTS);
    Tartan index = own.index(DOCUMENTS, directory.resolve("own"));
    own.close();
    own.close();
    assertThrows(IllegalStateException.class, () -> encoded.search(QUERY, 1));
    assertThrows(IllegalStateException.class, () -> index.search(QUERY, 1));
    assertThrows(IllegalStateException.class, () -> own.encode(DOCUMENTS));
    assertThrows(IllegalStateException.class, () -> own.rerank(QUERY, List.of("a"), 1));
    assertThrows(
        IllegalStateException.class, () -> own.index(DOCUMENTS, directory.resolve("more")));
    index.close();
    encoded.close();
  }

  @Test
  void anIndexOfAnotherModelIsRefused() {
    Path path = directory.resolve("other");
    IndexOptions other =
        new IndexOptions(128, ResidualCodec.Kind.TARTAN, 2, 0, true, "another", null, null);
    says("options of another, not of tartan-mini", () -> model.index(DOCUMENTS, path, other));
    says("there is no index", () -> model.open(path));
    TestIndex.write(path, other, TestIndex.docs(1, 10, 128, 1));
    says("was made with another, not with tartan-mini", () -> model.open(path));
  }
}
