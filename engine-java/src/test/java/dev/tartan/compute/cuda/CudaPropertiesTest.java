package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

class CudaPropertiesTest {
  private static final double TERA = 1e12;

  /** What NVIDIA publishes, from what its driver says of these boards. */
  @Test
  void publishedPeaks() {
    CudaProperties hopper = device("NVIDIA H100 80GB HBM3", 90, 132, 1.83e9, 2.619e9, 5120);
    assertEquals(3.35, hopper.bandwidth() / TERA, 0.01);
    assertEquals(989, hopper.tensorPeak() / TERA, 5);
    CudaProperties game = device("NVIDIA GeForce RTX 4090", 89, 128, 2.52e9, 10.501e9, 384);
    assertEquals(1.008, game.bandwidth() / TERA, 0.001);
    assertEquals(165, game.tensorPeak() / TERA, 1);
    CudaProperties server = device("NVIDIA A100-SXM4-80GB", 80, 108, 1.41e9, 1.593e9, 5120);
    assertEquals(2.04, server.bandwidth() / TERA, 0.01);
    assertEquals(312, server.tensorPeak() / TERA, 1);
  }

  private static CudaProperties device(
      String name, int capability, int multiprocessors, double clock, double memory, int bits) {
    return new CudaProperties(
        name, 13000, capability, multiprocessors, clock, memory, bits, 1L << 36, 1L << 25, false);
  }

  @Test
  void theDriverIsAsked() {
    assumeTrue(CudaDriver.problem() == null, "no device to ask");
    CudaProperties device = CudaProperties.read();
    assertTrue(device.clock() > 1e8 && device.bandwidth() > 1e9 && device.tensorPeak() > 1e11);
    assertEquals(device.name().equals("Tartan host emulation"), device.emulated());
  }
}
