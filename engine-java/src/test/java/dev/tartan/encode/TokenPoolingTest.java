package dev.tartan.encode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenPoolingTest {
  @Test
  void clustersAreThoseOfScipy() throws IOException {
    JsonNode json =
        new ObjectMapper()
            .readTree(TokenPoolingTest.class.getResourceAsStream("/pooling/ward.json"));
    int dim = json.path("rows").path(0).size();
    float[] rows = new float[40 * dim];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = (float) json.path("rows").path(i / dim).path(i % dim).asDouble();
    }
    for (int factor : new int[] {2, 3, 5, 40}) {
      TokenPooling pooling = new TokenPooling(factor, 0);
      int[] expected = new int[40];
      for (int t = 0; t < 40; t++) {
        expected[t] = json.path("clusters" + pooling.rows(40)).path(t).asInt(-1);
      }
      assertArrayEquals(expected, pooling.clusters(segment(rows), 40, dim));
    }
  }

  @Test
  void clustersAreThoseOfTheGreedyMethod() {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      int tokens = 1 + random.nextInt(60);
      int dim = 8 * (1 + random.nextInt(4));
      TokenPooling pooling = new TokenPooling(1 + random.nextInt(5), random.nextInt(3));
      float[] rows = unitRows(random, tokens, dim);
      assertArrayEquals(
          greedy(rows, tokens, dim, pooling),
          pooling.clusters(segment(rows), tokens, dim),
          "seed " + seed);
    }
  }

  /**
   * Merges the two clusters whose merger costs least, computed from their means, until few are
   * left.
   */
  private static int[] greedy(float[] rows, int tokens, int dim, TokenPooling pooling) {
    List<List<Integer>> clusters = new ArrayList<>();
    for (int t = 0; t < tokens; t++) {
      clusters.add(new ArrayList<>(List.of(t)));
    }
    while (clusters.size() > pooling.rows(tokens)) {
      int bestA = -1;
      int bestB = -1;
      double least = Double.POSITIVE_INFINITY;
      for (int a = pooling.protectedTokens(); a < clusters.size(); a++) {
        for (int b = a + 1; b < clusters.size(); b++) {
          double cost = cost(rows, dim, clusters.get(a), clusters.get(b));
          if (cost < least) {
            least = cost;
            bestA = a;
            bestB = b;
          }
        }
      }
      clusters.get(bestA).addAll(clusters.remove(bestB));
    }
    int[] found = new int[tokens];
    for (int c = 0; c < clusters.size(); c++) {
      for (int t : clusters.get(c)) {
        found[t] = c;
      }
    }
    return found;
  }

  private static double cost(float[] rows, int dim, List<Integer> a, List<Integer> b) {
    double square = 0;
    for (int d = 0; d < dim; d++) {
      double difference = mean(rows, dim, a, d) - mean(rows, dim, b, d);
      square += difference * difference;
    }
    return square * a.size() * b.size() / (a.size() + b.size());
  }

  private static double mean(float[] rows, int dim, List<Integer> tokens, int d) {
    return tokens.stream().mapToDouble(t -> rows[t * dim + d]).average().orElseThrow();
  }

  @Test
  void rowsAreMeansOfUnitLength() {
    Random random = new Random(3);
    TokenPooling pooling = new TokenPooling(3, 2);
    float[] rows = unitRows(random, 50, 16);
    int[] clusters = pooling.clusters(segment(rows), 50, 16);
    float[] pooled = pool(pooling, rows, 50, 16);
    assertEquals(18 * 16, pooled.length);
    for (int r = 0; r < 18; r++) {
      double[] sum = new double[16];
      for (int t = 0; t < 50; t++) {
        for (int d = 0; d < 16; d++) {
          sum[d] += clusters[t] == r ? rows[t * 16 + d] : 0;
        }
      }
      double length = Math.sqrt(java.util.Arrays.stream(sum).map(x -> x * x).sum());
      for (int d = 0; d < 16; d++) {
        assertEquals(sum[d] / length, pooled[r * 16 + d], 1e-6);
      }
    }
    // the protected ones are as they were
    for (int i = 0; i < 2 * 16; i++) {
      assertEquals(rows[i], pooled[i], 1e-6);
    }
  }

  @Test
  void countsOfRows() {
    TokenPooling pooling = new TokenPooling(3, 1);
    int[] tokens = {0, 1, 2, 3, 4, 7, 10, 300};
    int[] expected = {0, 1, 2, 2, 2, 3, 4, 100};
    for (int i = 0; i < tokens.length; i++) {
      assertEquals(expected[i], pooling.rows(tokens[i]));
    }
    assertEquals(17, TokenPooling.NONE.rows(17));
    assertEquals(TokenPooling.NONE, TokenPooling.by(1));
  }

  @Test
  void equalAndOppositeRows() {
    float[] equal = new float[9 * 8];
    for (int t = 0; t < 9; t++) {
      equal[t * 8] = 1;
    }
    int[] clusters = new TokenPooling(3, 0).clusters(segment(equal), 9, 8);
    assertEquals(3, new HashSet<>(java.util.Arrays.stream(clusters).boxed().toList()).size());
    float[] opposite = new float[2 * 8];
    opposite[3] = 1;
    opposite[8 + 3] = -1;
    float[] pooled = pool(new TokenPooling(2, 0), opposite, 2, 8);
    assertArrayEquals(new float[] {0, 0, 0, 1, 0, 0, 0, 0}, pooled);
  }

  @Test
  void wrongNumbersAreNamed() {
    assertTrue(
        assertThrows(TartanException.class, () -> new TokenPooling(0, 0))
            .getMessage()
            .contains("pooling factor 0"));
    assertThrows(TartanException.class, () -> new TokenPooling(65, 0));
    assertThrows(TartanException.class, () -> new TokenPooling(2, -1));
  }

  @Test
  void encodersPoolWhatTheyWouldKeep() {
    List<String> texts =
        List.of("Late interaction keeps a row for every token of a passage.", " ", "one", "a b c");
    try (Encoder encoder = Encoders.open(Encoders.TARTAN_MINI, 2);
        Arena confined = Arena.ofConfined();
        Arena shared = Arena.ofShared()) {
      TokenPooling pooling = TokenPooling.by(2);
      EncodedPassages all = encoder.encodePassages(texts, shared);
      List<String> none = List.of("", "", "", "");
      EncodedPassages pooled = encoder.encodePassages(texts, none, pooling, shared);
      EncodedPassages again = encoder.encodePassages(texts, none, pooling, confined);
      assertArrayEquals(values(pooled.rows()), values(again.rows()));
      long from = 0;
      long to = 0;
      for (int i = 0; i < texts.size(); i++) {
        int tokens = all.doclens()[i];
        int rows = pooled.doclens()[i];
        assertEquals(pooling.rows(tokens), rows);
        assertArrayEquals(
            pool(pooling, values(all.rows().slice(from, tokens)), tokens, encoder.dim()),
            values(pooled.rows().slice(to, rows)),
            2e-6f);
        assertEquals(rows, encoder.passageTokens(texts.get(i), pooling).size());
        from += tokens;
        to += rows;
      }
      assertTrue(
          encoder.passageTokens(texts.getFirst(), pooling).stream().anyMatch(t -> t.contains("+")));
    }
  }

  private static float[] pool(TokenPooling pooling, float[] rows, int tokens, int dim) {
    MemorySegment to = MemorySegment.ofArray(new float[pooling.rows(tokens) * dim]);
    pooling.pool(segment(rows), tokens, dim, to);
    return to.toArray(Layouts.F32);
  }

  private static float[] values(Matrix matrix) {
    return matrix.data().toArray(Layouts.F32);
  }

  private static MemorySegment segment(float[] rows) {
    return MemorySegment.ofArray(rows);
  }

  private static float[] unitRows(Random random, int tokens, int dim) {
    float[] rows = new float[tokens * dim];
    for (int t = 0; t < tokens; t++) {
      double square = 0;
      for (int d = 0; d < dim; d++) {
        rows[t * dim + d] = (float) random.nextGaussian();
        square += rows[t * dim + d] * rows[t * dim + d];
      }
      for (int d = 0; d < dim; d++) {
        rows[t * dim + d] /= (float) Math.sqrt(square);
      }
    }
    return rows;
  }
}
