package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The memory of a device, within a limit. Blocks that are given back are kept for others of their
 * size class, since the driver takes long to find memory and waits for the device when it takes it
 * back. There are eight classes to a power of two, so that at most an eighth is lost.
 *
 * <p>Safe for any number of threads. Whoever gives a block back has seen to it that nothing on the
 * device still works on it.
 */
final class DeviceMemory {
  /** "false" gives every block the size that was asked for, and none to two owners. */
  static final String POOL = "tartan.cuda.pool";

  /** Bytes to take at most; 90 % of what is free unless it is set. */
  static final String LIMIT = "tartan.cuda.memory";

  /** Token residuals or embeddings of a segment that take more bytes than this stay on the host. */
  static final String TOKENS = "tartan.cuda.tokens";

  /**
   * Bytes of tokens that are brought from the host at a time, unless a single passage takes more; 8
   * MiB unless it is set.
   */
  static final String PART = "tartan.cuda.part";

  private static final long PART_BYTES = 8 << 20;

  private static final long LEAST = 512;
  private static final int STEPS = 8;

  /** An eighth of the limit is for the scratch memory of searches. */
  private static final int SHARE_OF_SEARCHES = 8;

  private final CudaDevice device;
  private final long limit;
  private final long mostTokens;
  private final long partBytes;
  private final boolean pooled;
  private final Spares[] spares = new Spares[Long.SIZE * STEPS];
  private long taken; // from the driver, spares included

  /** What is free of one size class. */
  private static final class Spares {
    private long[] addresses = new long[4];
    private int count;

    void push(long address) {
      if (count == addresses.length) {
        addresses = Arrays.copyOf(addresses, 2 * count);
      }
      addresses[count++] = address;
    }

    long pop() {
      return addresses[--count];
    }
  }

  /** All that {@link #LIMIT} allows of {@code device}. */
  DeviceMemory(CudaDevice device) {
    this.device = device;
    this.limit = CudaDriver.bytes(LIMIT, device.freeBytes() / 10 * 9);
    this.mostTokens = CudaDriver.bytes(TOKENS, Long.MAX_VALUE);
    this.partBytes = CudaDriver.bytes(PART, PART_BYTES);
    this.pooled = !"false".equals(CudaDriver.property(POOL));
    Arrays.setAll(spares, i -> new Spares());
  }

  long partBytes() {
    return partBytes;
  }

  boolean pooled() {
    return pooled;
  }

  /** Bytes that may still be taken, spares not counted. */
  synchronized long left() {
    return limit - taken;
  }

  CudaDevice device() {
    return device;
  }

  /** What a block of {@code bytes} takes. */
  private long size(long bytes) {
    return pooled ? rounded(bytes) : bytes;
  }

  /** The size of the class that {@code bytes} are of. */
  static long rounded(long bytes) {
    long atLeast = Math.max(bytes, LEAST);
    long step = Long.highestOneBit(atLeast - 1) / STEPS;
    return (atLeast + step - 1) / step * step;
  }

  /**
   * {@link #tryAllocate} for token embeddings, which leave enough for what searches need besides.
   */
  synchronized long tryAllocateForTokens(long bytes) {
    boolean room = taken + size(bytes) <= limit - limit / SHARE_OF_SEARCHES;
    return room && bytes <= mostTokens ? tryAllocate(bytes) : 0;
  }

  /**
   * The address of {@code bytes} of undefined content, aligned to 256; 0 for none at all.
   *
   * @throws TartanException if the limit or the device does not allow as much
   */
  long allocate(long bytes) {
    long address = tryAllocate(bytes);
    if (address == 0 && bytes > 0) {
      throw new TartanException(
          "out of device memory: of %d MB allowed not the %d MB are left that are needed; use"
                  .formatted(limit >> 20, (bytes >> 20) + 1)
              + " --backend cpu, or a greater -D"
              + LIMIT);
    }
    return address;
  }

  /** The same, but 0 if the limit or the device does not allow as much. */
  synchronized long tryAllocate(long bytes) {
    long size = size(bytes);
    if (bytes == 0) {
      return 0;
    }
    if (pooled && spares[sizeClass(size)].count > 0) {
      return spares[sizeClass(size)].pop();
    }
    long address = taken + size <= limit ? ask(size) : 0;
    if (address == 0) {
      freeSpares();
      address = taken + size <= limit ? ask(size) : 0;
    }
    if (address != 0) {
      taken += size;
    }
    return address;
  }

  /** The address of new memory; 0 if the device has no more. */
  private long ask(long size) {
    device.enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(JAVA_LONG);
      int status = CudaFunctions.memAlloc(address, size);
      if (status == CudaError.OUT_OF_MEMORY) {
        return 0;
      }
      CudaFunctions.check(status, "cuMemAlloc");
      return address.get(JAVA_LONG, 0);
    }
  }

  /** Takes back what {@link #allocate} gave for {@code bytes}. */
  synchronized void release(long address, long bytes) {
    if (bytes == 0) {
      return;
    }
    long size = size(bytes);
    if (pooled) {
      spares[sizeClass(size)].push(address);
    } else {
      device.enter();
      CudaFunctions.memFree(address);
      taken -= size;
    }
  }

  /** Gives the spares to the driver. */
  synchronized void freeSpares() {
    device.enter();
    for (int c = 0; c < spares.length; c++) {
      while (spares[c].count > 0) {
        CudaFunctions.memFree(spares[c].pop());
        taken -= sizeOf(c);
      }
    }
  }

  static int sizeClass(long size) {
    int power = Long.SIZE - 1 - Long.numberOfLeadingZeros(size - 1);
    long step = (1L << power) / STEPS;
    return power * STEPS + (int) ((size - 1) / step % STEPS);
  }

  static long sizeOf(int sizeClass) {
    long power = 1L << (sizeClass / STEPS);
    return power + (sizeClass % STEPS + 1L) * (power / STEPS);
  }
}
