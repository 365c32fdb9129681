package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A device and its primary context, which a process has once and every user of it holds.
 *
 * @param context current while the driver is called for this device; see {@link #enter}
 * @param totalBytes of its memory
 * @param multiprocessors each of which runs several blocks at once
 */
record CudaDevice(
    int number,
    long context,
    String name,
    int major,
    int minor,
    long totalBytes,
    int multiprocessors) {
  private static final int MULTIPROCESSORS = 16; // CU_DEVICE_ATTRIBUTE_...
  private static final int MAJOR = 75;
  private static final int MINOR = 76;
  private static final int NAME_BYTES = 256;

  /** Holds a device until {@link #release}. */
  static CudaDevice open(int ordinal) {
    try (Arena arena = Arena.ofConfined()) {
      int number = number(ordinal);
      MemorySegment name = arena.allocate(NAME_BYTES);
      CudaFunctions.deviceGetName(name, NAME_BYTES, number);
      MemorySegment total = arena.allocate(JAVA_LONG);
      CudaFunctions.deviceTotalMem(total, number);
      MemorySegment context = arena.allocate(JAVA_LONG);
      CudaFunctions.devicePrimaryCtxRetain(context, number);
      return new CudaDevice(
          number,
          context.get(JAVA_LONG, 0),
          name.getString(0),
          major(ordinal),
          minor(ordinal),
          total.get(JAVA_LONG, 0),
          attribute(MULTIPROCESSORS, number));
    }
  }

  static int major(int ordinal) {
    return attribute(MAJOR, number(ordinal));
  }

  static int minor(int ordinal) {
    return attribute(MINOR, number(ordinal));
  }

  private static int number(int ordinal) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(JAVA_INT);
      CudaFunctions.deviceGet(number, ordinal);
      return number.get(JAVA_INT, 0);
    }
  }

  private static int attribute(int attribute, int number) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_INT);
      CudaFunctions.deviceGetAttribute(value, attribute, number);
      return value.get(JAVA_INT, 0);
    }
  }

  /**
   * Makes the context current. Every use of the driver begins so: contexts belong to threads of the
   * operating system, and a virtual thread may go on upon another whenever it has waited (for a
   * lock, too), so that nothing remembered about a thread holds. Where the context is current
   * already, the driver does nothing.
   */
  void enter() {
    CudaFunctions.ctxSetCurrent(context);
  }

  /** Bytes of the device's memory that no one has. */
  long freeBytes() {
    enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(JAVA_LONG);
      CudaFunctions.memGetInfo(free, arena.allocate(JAVA_LONG));
      return free.get(JAVA_LONG, 0);
    }
  }

  /** Waits for all that runs on the device for this process. */
  void synchronise() {
    enter();
    CudaFunctions.ctxSynchronize();
  }

  void release() {
    CudaFunctions.devicePrimaryCtxRelease(number);
  }

  @Override
  public String toString() {
    return "%s, sm_%d%d, %d GiB".formatted(name, major, minor, Math.round(totalBytes / 0x1p30));
  }
}
