package dev.tartan.encode.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How two texts share the room of a pair. */
class PairInputsTest {
  @ParameterizedTest
  @CsvSource({
    "3, 4, 7, 3, 4",
    "3, 40, 10, 3, 7",
    "40, 3, 10, 7, 3",
    "40, 50, 10, 5, 5",
    "40, 50, 11, 5, 6",
    "50, 40, 11, 6, 5",
    "40, 40, 11, 5, 6",
    "6, 5, 10, 5, 5",
    "9, 9, 0, 0, 0"
  })
  void theLongerIsCutFirst(int first, int second, int room, int keptFirst, int keptSecond) {
    assertArrayEquals(new int[] {keptFirst, keptSecond}, PairInputs.fit(first, second, room));
  }
}
