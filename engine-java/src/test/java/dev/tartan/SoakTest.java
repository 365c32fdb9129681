package dev.tartan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.compute.Backend;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Encoders;
import dev.tartan.indexing.Compaction;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.search.Hit;
import dev.tartan.search.SearchOptions;
import dev.tartan.search.Searcher;
import dev.tartan.segment.Manifest;
import dev.tartan.segment.Snapshot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 75 rounds of documents more and fewer while 8 threads search, on real text: every search sees one
 * commit, and at the end the index is the one that is built at once. The system property {@code
 * tartan.soak} says by how much larger the rounds are than 14 more and 6 fewer: 5 takes most of the
 * collection, and some minutes of encoding.
 */
@Tag("slow")
class SoakTest {
  private static final int ROUNDS = 75;
  private static final int SCALE = Integer.getInteger("tartan.soak", 1);
  private static final int ADDED = 14 * SCALE;
  private static final int DELETED = 6 * SCALE;
  private static final int FIRST = 40 * SCALE;
  private static final int THREADS = 8;
  private static final int QUERY_ROWS = 32;
  private static final int BATCH = 64;

  private final Path shared = Path.of(System.getProperty("tartan.shared", "."));

  @TempDir Path directory;
  private final Arena arena = Arena.ofShared();
  private final Map<String, Matrix> embeddings = new HashMap<>();
  private final List<String> ids = new ArrayList<>();

  /** What lives after each commit. */
  private final Map<Long, Set<String>> living = new ConcurrentHashMap<>();

  private final AtomicLong searches = new AtomicLong();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile boolean done;

  @AfterEach
  void tearDown() {
    arena.close();
  }

  @Test
  void anIndexThatIsChangedAndSearched() throws Exception {
    Path corpus = shared.resolve("data/scifact/corpus.jsonl");
    assumeTrue(Files.exists(corpus), "no SciFact: set -Dtartan.shared=DIR");
    encode(corpus, FIRST + ROUNDS * (ADDED - DELETED) + ADDED);
    Path index = directory.resolve("index");
    try (Backend backend = Backends.open("cpu", 2, _ -> {})) {
      int filesBefore = openFiles();
      Set<String> left = soak(index, backend);
      assertEquals(0, mapped(index), "files of the index that are still mapped");
      assertEquals(filesBefore, openFiles(), "open files");
      everyDocumentIsFoundByItsOwnText(index, left, backend);
      asIfBuiltAtOnce(index, left, backend);
    }
    System.out.printf("%d searches during %d rounds%n", searches.get(), ROUNDS);
  }

  private void encode(Path corpus, int count) {
    try (Encoder encoder = Encoders.open(Encoders.TARTAN_MINI, 2);
        DocumentReader documents = new Collection(corpus).open()) {
      List<Document> batch = new ArrayList<>();
      while (ids.size() < count) {
        batch.clear();
        while (batch.size() < BATCH) {
          batch.add(documents.next());
        }
        EncodedPassages rows =
            encoder.encodePassages(batch.stream().map(Document::passage).toList(), arena);
        long first = 0;
        for (int i = 0; i < BATCH; i++) {
          embeddings.put(batch.get(i).id(), rows.rows().slice(first, rows.doclens()[i]));
          ids.add(batch.get(i).id());
          first += rows.doclens()[i];
        }
      }
    }
  }

  private Set<String> soak(Path index, Backend backend) throws InterruptedException {
    Set<String> now = new LinkedHashSet<>(ids.subList(0, FIRST));
    try (IndexWriter writer =
        new IndexWriter(index, IndexOptions.of(128, 2), backend, Progress.NONE)) {
      now.forEach(id -> add(writer, id));
      living.put(1L, Set.copyOf(now));
      writer.commit();
    }
    List<Thread> readers = new ArrayList<>();
    for (int t = 0; t < THREADS; t++) {
      long seed = t;
      readers.add(Thread.ofPlatform().start(() -> read(index, backend, seed)));
    }
    SplittableRandom random = new SplittableRandom(1);
    for (int round = 0; round < ROUNDS && failure.get() == null; round++) {
      change(index, now, random, backend);
      Manifest merged = new Compaction(index, backend, Progress.NONE).merge();
      assertEquals(FIRST + (round + 1) * (ADDED - DELETED), merged.documents());
      assertTrue(merged.segments().size() <= 10, merged.segments().size() + " segments");
    }
    done = true;
    for (Thread reader : readers) {
      reader.join();
    }
    assertNull(failure.get(), () -> String.valueOf(failure.get()));
    return now;
  }

  private void change(Path index, Set<String> now, SplittableRandom random, Backend backend) {
    List<String> known = List.copyOf(now);
    List<String> gone =
        random.ints(0, known.size()).distinct().limit(DELETED).mapToObj(known::get).toList();
    List<String> added = ids.stream().filter(id -> !now.contains(id)).limit(ADDED).toList();
    try (IndexWriter writer = IndexWriter.append(index, backend, Progress.NONE)) {
      gone.forEach(writer::requireDelete);
      added.forEach(id -> add(writer, id));
      gone.forEach(now::remove);
      now.addAll(added);
      long next = Manifest.read(index).commit() + 1;
      for (long commit = next; commit < next + 8; commit++) { // and those that merge it
        living.put(commit, Set.copyOf(now));
      }
      writer.commit();
    }
  }

  private void add(IndexWriter writer, String id) {
    Matrix rows = Objects.requireNonNull(embeddings.get(id));
    writer.add(id, List.of(new IndexWriter.Passage((int) rows.rows(), null)), rows);
  }

  private void read(Path index, Backend backend, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try {
      while (!done && failure.get() == null) {
        try (Snapshot snapshot = Snapshot.open(index);
            Searcher searcher = new Searcher(snapshot, backend)) {
          List<String> there =
              List.copyOf(
                  Objects.requireNonNull(living.get(snapshot.manifest().commit()), "commit"));
          assertEquals(there.size(), snapshot.manifest().documents());
          for (int i = 0; i < 5; i++) {
            String id = there.get(random.nextInt(there.size()));
            List<Hit> hits = searcher.search(query(id), SearchOptions.top(10));
            assertTrue(hits.stream().anyMatch(hit -> hit.id().equals(id)), id + " is not found");
            assertTrue(
                hits.stream().allMatch(hit -> there.contains(hit.id())), "a deleted document");
            searches.incrementAndGet();
          }
        }
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }

  private Matrix query(String id) {
    Matrix rows = Objects.requireNonNull(embeddings.get(id));
    return rows.slice(0, Math.min(QUERY_ROWS, rows.rows()));
  }

  private void everyDocumentIsFoundByItsOwnText(Path index, Set<String> left, Backend backend) {
    try (Snapshot snapshot = Snapshot.open(index);
        Searcher searcher = new Searcher(snapshot, backend)) {
      snapshot.verify();
      for (String id : ids) {
        List<Hit> hits = searcher.search(query(id), SearchOptions.top(3));
        boolean found = hits.stream().anyMatch(hit -> hit.id().equals(id));
        assertEquals(left.contains(id), found, id);
      }
    }
  }

  /** The same documents added at once to the first index, which trained the codec. */
  private void asIfBuiltAtOnce(Path index, Set<String> left, Backend backend) {
    new Compaction(index, backend, Progress.NONE).compact();
    Path other = directory.resolve("at-once");
    List<String> first = ids.subList(0, FIRST);
    try (IndexWriter writer =
        new IndexWriter(other, IndexOptions.of(128, 2), backend, Progress.NONE)) {
      first.forEach(id -> add(writer, id));
      writer.commit();
    }
    try (IndexWriter writer = IndexWriter.append(other, backend, Progress.NONE)) {
      first.forEach(writer::requireDelete);
      left.forEach(id -> add(writer, id));
      writer.commit();
    }
    try (Snapshot grown = Snapshot.open(index);
        Snapshot built = Snapshot.open(other);
        Searcher one = new Searcher(grown, backend);
        Searcher two = new Searcher(built, backend)) {
      assertEquals(1, grown.segments().size());
      assertEquals(built.manifest().tokens(), grown.manifest().tokens());
      for (int i = 0; i < ids.size(); i += 20) {
        for (SearchOptions options : List.of(SearchOptions.top(10), SearchOptions.exhaustive(10))) {
          assertEquals(
              scores(two.search(query(ids.get(i)), options)),
              scores(one.search(query(ids.get(i)), options)));
        }
      }
    }
  }

  private static List<String> scores(List<Hit> hits) {
    return hits.stream().map(hit -> hit.id() + " " + hit.score()).sorted().toList();
  }

  private static int openFiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return (int) files.count();
    }
  }

  private static long mapped(Path index) throws IOException {
    assertFalse(Files.readAllLines(Path.of("/proc/self/maps")).isEmpty());
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains(index.toString()))
        .count();
  }
}
