package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DeviceMemoryTest {
  @Test
  void aSizeClassLosesAtMostAnEighth() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 100_000; i++) {
      long bytes = 1 + random.nextLong(1L << random.nextInt(1, 44));
      long rounded = DeviceMemory.rounded(bytes);
      assertTrue(rounded >= bytes, bytes + " bytes");
      assertTrue(rounded <= Math.max(512, bytes + bytes / 8), bytes + " bytes");
      assertEquals(rounded, DeviceMemory.rounded(rounded), bytes + " bytes");
      assertEquals(rounded, DeviceMemory.sizeOf(DeviceMemory.sizeClass(rounded)), bytes + " bytes");
    }
  }
}
