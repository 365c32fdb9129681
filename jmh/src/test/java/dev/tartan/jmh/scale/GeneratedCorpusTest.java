package dev.tartan.jmh.scale;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tartan.Backends;
import dev.tartan.compute.Backend;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** What a generated corpus promises: any part, in any order, the same each time, from a seed. */
@TestInstance(Lifecycle.PER_CLASS) // a fit serves all tests
class GeneratedCorpusTest {
  private static final int DIM = 40; // no whole number of sign words
  private static final int TEMPLATES = 60;
  private static final int PASSAGES = 500;

  private final Random random = new Random(3);
  private final Passages real = real();
  private final List<float[]> queries = IntStream.range(0, 12).mapToObj(_ -> unitRows(4)).toList();
  private final CorpusModel model = fit();
  private final GeneratedCorpus corpus = corpus(1);

  @Test
  void readsTheSameInPartsOfAnySize() {
    float[] whole = read(corpus, Math.toIntExact(corpus.tokens()));
    for (int part : new int[] {1, 7, 64, 1000}) {
      assertArrayEquals(whole, read(corpus, part), "in parts of " + part);
    }
    int first = IntStream.range(0, 123).map(corpus::doclen).sum();
    float[] passage = corpus.passage(123);
    assertArrayEquals(
        Arrays.copyOfRange(whole, first * DIM, first * DIM + passage.length), passage);
  }

  @Test
  void anotherSeedIsAnotherCorpus() {
    assertFalse(Arrays.equals(corpus.passage(0), corpus(2).passage(0)));
  }

  @Test
  void rowsAreOfUnitLengthAndAllDifferent() {
    float[] rows = read(corpus, 512);
    for (int t = 0; t < corpus.tokens(); t++) {
      assertEquals(1, Vectors.dot(rows, t * DIM, rows, t * DIM, DIM), 1e-5, "row " + t);
    }
    long distinct =
        IntStream.range(0, (int) corpus.tokens())
            .mapToObj(t -> Arrays.toString(Arrays.copyOfRange(rows, t * DIM, (t + 1) * DIM)))
            .distinct()
            .count();
    assertEquals(corpus.tokens(), distinct);
  }

  @Test
  void aSavedModelGeneratesTheSameUpToHalfPrecision(@TempDir Path folder) throws IOException {
    model.save(folder);
    CorpusModel loaded = CorpusModel.load(folder);
    assertArrayEquals(model.codes(), loaded.codes());
    assertArrayEquals(model.signs(), loaded.signs());
    float[] before = corpus.passage(42);
    float[] after = new GeneratedCorpus(loaded, Recipe.DEFAULT, 1, PASSAGES).passage(42);
    assertArrayEquals(before, after, 0.004f);
  }

  @Test
  void queriesKeepTheirSimilarityToTheTokensTheyMatched() {
    CorpusModel.Queries relations = model.queries();
    try (Arena arena = Arena.ofConfined()) {
      List<Matrix> drawn = new GeneratedQueries(corpus).draw(20, 0, arena);
      assertEquals(20, drawn.size());
      for (Matrix query : drawn) {
        assertTrue(
            IntStream.range(0, relations.rows() / 4)
                .anyMatch(q -> isRelated(Vectors.floats(query), 4 * q, corpus)));
      }
      assertTrue(
          new GeneratedQueries(corpus).draw(5, 32, arena).stream().allMatch(q -> q.rows() == 32));
    }
  }

  /** Whether a passage of the template has, at the positions, tokens as similar as the real. */
  private static boolean isRelated(float[] query, int start, GeneratedCorpus corpus) {
    CorpusModel.Queries relations = corpus.model().queries();
    return IntStream.range(0, PASSAGES)
        .filter(p -> corpus.template(p) == relations.template(start))
        .mapToObj(corpus::passage)
        .anyMatch(
            tokens ->
                IntStream.range(0, 4)
                    .allMatch(
                        r -> {
                          int token = relations.position(start + r) * DIM;
                          float dot = Vectors.dot(query, r * DIM, tokens, token, DIM);
                          return Math.abs(dot - relations.similarities()[start + r]) < 1e-4;
                        }));
  }

  @Test
  void spreadsAndDoclensAreThoseOfTheRealPassages() {
    assertArrayEquals(IntStream.range(0, TEMPLATES).map(real::doclen).toArray(), model.doclens());
    assertTrue(IntStream.range(0, PASSAGES).allMatch(p -> corpus.doclen(p) >= 5));
    assertEquals(real.tokens(), model.spreads().length);
  }

  @Test
  void refusesWhatCannotBeFitted() {
    try (Backend backend = Backends.open("reference", 1, _ -> {})) {
      assertThrows(TartanException.class, () -> CorpusFit.fit(real, List.of(), backend));
    }
    assertThrows(TartanException.class, () -> CorpusModel.load(Path.of("no-such-folder")));
    assertThrows(TartanException.class, () -> new Recipe(0, 8, 0, 1.5, 0, 0, 1));
  }

  @Test
  void theExponentOfAPowerLawIsItsPower() {
    List<Map<String, Double>> measured =
        IntStream.of(10, 100, 1000)
            .mapToObj(n -> Map.of("passages", (double) n, "cost", 3 * Math.pow(n, 0.6)))
            .toList();
    assertEquals(0.6, ScaleCommand.exponent(measured, "cost"), 1e-9);
    assertTrue(Double.isNaN(ScaleCommand.exponent(measured.subList(0, 1), "cost")));
  }

  private GeneratedCorpus corpus(long seed) {
    return new GeneratedCorpus(model, Recipe.DEFAULT, seed, PASSAGES);
  }

  private static float[] read(GeneratedCorpus corpus, int part) {
    float[] all = new float[Math.toIntExact(corpus.tokens()) * DIM];
    try (Arena arena = Arena.ofConfined()) {
      Matrix chunk = Matrix.allocate(arena, part, DIM);
      for (int first = 0; first < corpus.tokens(); first += part) {
        Matrix rows = chunk.slice(0, Math.min(part, corpus.tokens() - first));
        corpus.read(first, rows);
        System.arraycopy(
            Vectors.floats(rows), 0, all, first * DIM, Math.toIntExact(rows.rows()) * DIM);
      }
    }
    return all;
  }

  private Passages real() {
    int[] offsets = new int[TEMPLATES + 1];
    for (int p = 0; p < TEMPLATES; p++) {
      offsets[p + 1] = offsets[p] + random.nextInt(5, 30);
    }
    return new Passages("test", DIM, unitRows(offsets[TEMPLATES]), offsets);
  }

  private float[] unitRows(int count) {
    float[] rows = new float[count * DIM];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = (float) random.nextGaussian();
    }
    for (int r = 0; r < count; r++) {
      Vectors.normalize(rows, r * DIM, DIM);
    }
    return rows;
  }

  private CorpusModel fit() {
    try (Backend backend = Backends.open("reference", 1, _ -> {})) {
      return CorpusFit.fit(real, queries, backend);
    }
  }
}
