package dev.tartan.jmh;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.indexing.IndexOptions;
import dev.tartan.indexing.IndexWriter;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.Progress;
import dev.tartan.segment.IndexDirectory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * An index of {@value #PASSAGES} passages of seeded random embeddings that lie about common topics,
 * as words do: a token is a topic's direction and noise, a passage has a few topics, a query is 32
 * noisy tokens of one passage. The distance of a token to its centroid is about that of real
 * embeddings (0.5 to 0.6).
 *
 * <p>Each JVM that JMH forks would build it anew; so it is kept in the folder that the property
 * {@value #FOLDER} names, which the launcher makes and removes, or in one of its own.
 */
final class ClusteredCorpus {
  static final int PASSAGES = 10_000;

  private static final String FOLDER = "tartan.bench.folder";
  private static final long SEED = 42;
  private static final int TOPICS = 4096;
  private static final int TOPICS_A_PASSAGE = 12;
  private static final int SHORTEST = 32;
  private static final int LONGEST = 96;
  private static final float NOISE = 0.65f;
  private static final int QUERIES = 128;
  private static final int DIM = RandomTokens.DIM;

  private final Path path;

  ClusteredCorpus(int nbits) throws IOException {
    String folder = System.getProperty(FOLDER);
    Path parent = folder == null ? Files.createTempDirectory("tartan-bench") : Path.of(folder);
    this.path = parent.resolve("index-" + nbits);
    if (!IndexDirectory.exists(path)) {
      build(nbits);
    }
    if (folder == null) {
      deleteAtExit(parent);
    }
  }

  Path index() {
    return path;
  }

  /** Queries for passages spread over the whole index, in {@code arena}. */
  List<Matrix> queries(Arena arena) {
    float[][] topics = topics();
    List<Matrix> queries = new ArrayList<>();
    for (int q = 0; q < QUERIES; q++) {
      int[] own = topicsOf(q * (PASSAGES / QUERIES));
      Random random = new Random(SEED + PASSAGES + q);
      queries.add(tokens(RandomTokens.ROWS, own, topics, random, arena));
    }
    return queries;
  }

  private void build(int nbits) {
    int threads = Runtime.getRuntime().availableProcessors();
    float[][] topics = topics();
    try (Backend backend = Backends.open("auto", threads, System.out::println);
        IndexWriter writer =
            new IndexWriter(path, IndexOptions.of(DIM, nbits), backend, Progress.NONE)) {
      for (int p = 0; p < PASSAGES; p++) {
        Random random = new Random(SEED * PASSAGES + p);
        int doclen = random.nextInt(SHORTEST, LONGEST + 1);
        try (Arena arena = Arena.ofConfined()) {
          Matrix rows = tokens(doclen, topicsOf(p), topics, random, arena);
          writer.add(Integer.toString(p), List.of(new IndexWriter.Passage(doclen, null)), rows);
        }
      }
      writer.commit();
    }
  }

  private static float[][] topics() {
    Random random = new Random(SEED);
    float[][] topics = new float[TOPICS][DIM];
    for (float[] topic : topics) {
      for (int d = 0; d < DIM; d++) {
        topic[d] = (float) (random.nextGaussian() / Math.sqrt(DIM));
      }
    }
    return topics;
  }

  private static int[] topicsOf(int passage) {
    return new Random(SEED - passage).ints(TOPICS_A_PASSAGE, 0, TOPICS).toArray();
  }

  private static Matrix tokens(int count, int[] own, float[][] topics, Random random, Arena arena) {
    Matrix rows = Matrix.allocate(arena, count, DIM);
    for (int t = 0; t < count; t++) {
      float[] topic = topics[own[random.nextInt(own.length)]];
      for (int d = 0; d < DIM; d++) {
        double noise = NOISE * random.nextGaussian() / Math.sqrt(DIM);
        rows.data().setAtIndex(Layouts.F32, (long) t * DIM + d, (float) (topic[d] + noise));
      }
    }
    rows.normalizeRows("random tokens", 0);
    return rows;
  }

  private static void deleteAtExit(Path parent) throws IOException {
    try (var files = Files.walk(parent)) {
      files.forEach(file -> file.toFile().deleteOnExit()); // in reverse order: files before folders
    }
  }
}
