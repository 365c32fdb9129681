package dev.tartan.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.compute.Backend;
import dev.tartan.compute.Contenders;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.indexing.IndexWriter.Passage;
import dev.tartan.indexing.TestIndex;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import dev.tartan.metadata.FieldType;
import dev.tartan.metadata.Filter;
import dev.tartan.metadata.Schema;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Indexes with metadata: what a filter is true of is found, whatever was added since. */
class FilteredSearchTest {
  private static final int DIM = 16;

  @TempDir Path directory;

  /**
   * Document i of two passages: the year 2000 + i % 20, the tag t(i % 3), none in every seventh.
   */
  private static String metadata(int i) {
    return i % 7 == 0 ? "" : "{\"year\": %d, \"tags\": [\"t%d\"]}".formatted(2000 + i % 20, i % 3);
  }

  private static void add(IndexWriter writer, int first, int last) {
    try (Arena arena = Arena.ofConfined()) {
      for (int i = first; i < last; i++) {
        float[][] rows = TestIndex.rows(new SplittableRandom(i), 6, DIM, null);
        List<Passage> passages = List.of(new Passage(4, "p"), new Passage(2, "q"));
        writer.add("d" + i, metadata(i), passages, Matrix.of(arena, rows));
      }
    }
  }

  private Manifest index(int documents, Schema fields) {
    try (Backend backend = Contenders.best(1);
        IndexWriter writer =
            new IndexWriter(
                directory, IndexOptions.of(DIM, 2).withFields(fields), backend, Progress.NONE)) {
      add(writer, 0, documents);
      return writer.commit();
    }
  }

  @Test
  void whatAFilterIsTrueOfIsFound() {
    Manifest manifest = index(100, Schema.EMPTY);
    assertEquals(FieldType.NUMBER, manifest.schema().type("year"));
    assertEquals(FieldType.STRINGS, manifest.schema().type("tags"));
    requireFilters(100, i -> true);
    try (Backend backend = Contenders.best(1);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      IntStream.range(0, 30).forEach(i -> writer.delete("d" + 3 * i));
      add(writer, 100, 140);
      writer.commit();
    }
    IntPredicate living = i -> i >= 90 || i % 3 > 0;
    requireFilters(140, living);
    try (Backend backend = Contenders.best(1)) {
      Manifest compacted = new Compaction(directory, backend, Progress.NONE).compact();
      assertEquals(1, compacted.segments().size());
      assertEquals(manifest.schema(), compacted.schema());
    }
    requireFilters(140, living);
  }

  private void requireFilters(int documents, IntPredicate living) {
    try (Backend backend = Contenders.best(1);
        Snapshot snapshot = Snapshot.open(directory);
        Searcher searcher = new Searcher(snapshot, backend)) {
      snapshot.verify();
      IntPredicate known = living.and(i -> i % 7 > 0);
      requireFilter(searcher, documents, "year >= 2015", known.and(i -> i % 20 >= 15));
      requireFilter(searcher, documents, "tags = 't1'", known.and(i -> i % 3 == 1));
      requireFilter(searcher, documents, "not exists(year)", living.and(i -> i % 7 == 0));
      requireFilter(
          searcher,
          documents,
          "year != 2001 and tags in ('t0', 't1')",
          known.and(i -> i % 20 != 1 && i % 3 < 2));
      requireFilter(searcher, documents, "ids('d1', 'd5', 'x')", i -> i == 1 || i == 5);
      requireFilter(searcher, documents, "year = 1", i -> false);
    }
  }

  private static void requireFilter(
      Searcher searcher, int documents, String text, IntPredicate expected) {
    Selection selection = Selection.of(searcher.snapshot(), Filter.parse(text));
    try (Arena arena = Arena.ofConfined()) {
      Matrix query = Matrix.of(arena, TestIndex.rows(new SplittableRandom(7), 3, DIM, null));
      List<Hit> hits = searcher.search(query, SearchOptions.exhaustive(1000), selection);
      assertEquals(
          IntStream.range(0, documents).filter(expected).mapToObj(i -> "d" + i).sorted().toList(),
          hits.stream().map(Hit::id).sorted().toList(),
          text);
      assertEquals(2L * hits.size(), selection.passages());
      for (Hit hit : hits) {
        assertEquals(metadata(Integer.parseInt(hit.id().substring(1))), searcher.metadata(hit));
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefusedWhereItComes() {
    index(10, Schema.declared(List.of("year=number")));
    try (Backend backend = Contenders.best(1);
        IndexWriter writer = IndexWriter.append(directory, backend, Progress.NONE)) {
      TartanException e =
          assertThrows(
              TartanException.class,
              () -> writer.add("new", "{\"year\": \"old\"}", List.of(new Passage(0, "")), null));
      assertTrue(
          e.getMessage().startsWith("document 'new': field 'year' is a number"), e::toString);
    }
    try (Snapshot snapshot = Snapshot.open(directory)) {
      TartanException e =
          assertThrows(
              TartanException.class, () -> Selection.of(snapshot, Filter.parse("author = 'a'")));
      assertEquals("filter: there is no field 'author'; there are tags, year", e.getMessage());
    }
  }

  @Test
  void damagedColumnsAreFound() throws IOException {
    index(40, Schema.EMPTY);
    Path fields = directory.resolve("segment-1.fields");
    byte[] bytes = Files.readAllBytes(fields);
    bytes[bytes.length / 2] ^= 4;
    Files.write(fields, bytes);
    try (Snapshot snapshot = Snapshot.open(directory)) {
      TartanException e = assertThrows(TartanException.class, snapshot::verify);
      assertTrue(e.getMessage().contains("segment-1.fields"), e::toString);
    }
  }
}
