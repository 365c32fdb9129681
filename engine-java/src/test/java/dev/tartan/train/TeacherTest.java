package dev.tartan.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Several teachers' scores as one. */
class TeacherTest {
  private static final float[][] SMALL = {{1, 2, 3}, {0, 0, 6}};
  private static final float[][] LARGE = {{300, 200, 100}, {500, 500, 500}};

  @Test
  void oneTeacherIsHeardAsItIs() {
    float[][] combined = Teacher.combined(List.<float[][]>of(SMALL));
    assertArrayEquals(SMALL[0], combined[0]);
    assertArrayEquals(SMALL[1], combined[1]);
  }

  @Test
  void largerLogitsDoNotCountForMore() {
    float[][] combined = Teacher.combined(List.of(SMALL, scaled(SMALL, -100)));
    for (float[] example : combined) { // opposite opinions cancel out, whatever their scale
      for (float score : example) {
        assertEquals(example[0], score, 1e-4);
      }
    }
    float[][] once = Teacher.combined(List.of(SMALL, LARGE));
    float[][] tenfold = Teacher.combined(List.of(SMALL, scaled(LARGE, 10)));
    double ratio = (once[0][0] - once[0][1]) / (once[1][0] - once[1][2]);
    double tenfoldRatio = (tenfold[0][0] - tenfold[0][1]) / (tenfold[1][0] - tenfold[1][2]);
    assertEquals(ratio, tenfoldRatio, 1e-4);
  }

  @Test
  void sureAndUnsureExamplesStayApart() {
    float[][] combined = Teacher.combined(List.of(SMALL, SMALL));
    assertEquals(2, combined[0][2] - combined[0][0], 1e-5);
    assertEquals(6, combined[1][2] - combined[1][0], 1e-5);
  }

  @Test
  void aTeacherWithoutOpinionChangesNoOrder() {
    float[][] combined = Teacher.combined(List.of(SMALL, scaled(SMALL, 0)));
    assertEquals(combined[0][1] - combined[0][0], combined[0][2] - combined[0][1], 1e-6);
    assertEquals(true, combined[0][2] > combined[0][0]);
  }

  private static float[][] scaled(float[][] scores, float by) {
    float[][] scaled = new float[scores.length][];
    for (int e = 0; e < scores.length; e++) {
      scaled[e] = new float[scores[e].length];
      for (int p = 0; p < scores[e].length; p++) {
        scaled[e][p] = scores[e][p] * by;
      }
    }
    return scaled;
  }
}
