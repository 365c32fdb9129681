package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What the driver says of the first device that is used, for reports.
 *
 * @param driver version of CUDA that the driver serves, as 1000 * major + 10 * minor
 * @param capability ten times the major number and the minor: 90 for 9.0
 * @param clock of the multiprocessors at most, in Hz
 * @param memoryClock in Hz; two words of {@code busBits} go over the bus in each cycle
 * @param cacheBytes of the last cache
 * @param emulated whether the tests' driver runs the kernels on the processor
 */
public record CudaProperties(
    String name,
    int driver,
    int capability,
    int multiprocessors,
    double clock,
    double memoryClock,
    int busBits,
    long memoryBytes,
    long cacheBytes,
    boolean emulated) {
  private static final int CLOCK_KHZ = 13; // CU_DEVICE_ATTRIBUTE_...
  private static final int MEMORY_CLOCK_KHZ = 36;
  private static final int BUS_BITS = 37;
  private static final int CACHE_BYTES = 38;
  private static final double KHZ = 1e3;
  private static final double WORDS_A_CYCLE = 2;

  // Operations a cycle of a multiprocessor on float16 with float32 sums, as published for the
  // architectures. Boards
  // for games of compute capability 8.6, 8.9 and 12.0 do half of what boards for workstations and
  // servers do.
  private static final int OF_GAMES = 512;
  private static final int OF_WORKSTATIONS = 1024;
  private static final int OF_AMPERE = 2048;
  private static final int OF_HOPPER = 4096;
  private static final int OF_BLACKWELL = 8192;

  /**
   * Asks the driver.
   *
   * @throws TartanException with the reason if there is no device that could serve
   */
  public static CudaProperties read() {
    String problem = CudaDriver.problem();
    if (problem != null) {
      throw new TartanException(problem);
    }
    CudaDevice device = CudaDevice.open(CudaDriver.devices()[0]);
    try {
      return new CudaProperties(
          device.name(),
          driverVersion(),
          10 * device.major() + device.minor(),
          device.multiprocessors(),
          KHZ * attribute(CLOCK_KHZ, device.number()),
          KHZ * attribute(MEMORY_CLOCK_KHZ, device.number()),
          attribute(BUS_BITS, device.number()),
          device.totalBytes(),
          attribute(CACHE_BYTES, device.number()),
          isEmulated());
    } finally {
      device.release();
    }
  }

  /** Bytes a second that the memory can give in theory. */
  public double bandwidth() {
    return WORDS_A_CYCLE * memoryClock * busBits / Byte.SIZE;
  }

  /** Operations a second of the matrix units on float16 with float32 sums, in theory. */
  public double tensorPeak() {
    return multiprocessors * clock * operationsACycle();
  }

  private int operationsACycle() {
    return switch (capability) {
      case 80, 87 -> OF_AMPERE;
      case 90 -> OF_HOPPER;
      case 100, 103 -> OF_BLACKWELL;
      default -> name.contains("GeForce") ? OF_GAMES : OF_WORKSTATIONS;
    };
  }

  private static boolean isEmulated() {
    var lookup = CudaDriver.get().lookup();
    return lookup != null && lookup.find("tartan_fake_set").isPresent();
  }

  private static int driverVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment version = arena.allocate(JAVA_INT);
      CudaFunctions.check(CudaFunctions.driverGetVersion(version), "cuDriverGetVersion");
      return version.get(JAVA_INT, 0);
    }
  }

  private static int attribute(int attribute, int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_INT);
      CudaFunctions.deviceGetAttribute(value, attribute, device);
      return value.get(JAVA_INT, 0);
    }
  }
}
