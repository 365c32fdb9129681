package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/** The kernels on one device. Safe for any number of threads. */
final class CudaModule {
  /** CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES. */
  private static final int MAX_DYNAMIC_SHARED = 8;

  /** Shared memory that a kernel may have unasked. */
  private static final int SHARED_UNASKED = 48 << 10;

  /** Room for what a kernel has besides the dynamic part: all of it counts. */
  private static final int SHARED_BESIDES = 16 << 10;

  private final long module;
  private final AtomicLongArray functions = new AtomicLongArray(Kernel.values().length);
  private final AtomicIntegerArray shared = new AtomicIntegerArray(Kernel.values().length);

  /** Loads the kernels for {@code device}, whose context is current. */
  CudaModule(CudaDevice device) {
    byte[] image = CudaImage.choose(device.major(), device.minor());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment terminated = arena.allocate(image.length + 1L, 64); // PTX is a C string
      MemorySegment.copy(image, 0, terminated, JAVA_BYTE, 0, image.length);
      MemorySegment handle = arena.allocate(JAVA_LONG);
      CudaFunctions.moduleLoadData(handle, terminated);
      module = handle.get(JAVA_LONG, 0);
    }
  }

  /** The function of a kernel, ready to be given so much dynamic shared memory. */
  long function(Kernel kernel, int sharedBytes) {
    long function = functions.get(kernel.ordinal());
    if (function == 0) {
      function = find(kernel);
      functions.set(kernel.ordinal(), function);
    }
    int all = sharedBytes + SHARED_BESIDES;
    if (sharedBytes > 0 && all > SHARED_UNASKED && all > shared.get(kernel.ordinal())) {
      allow(kernel, function, all);
    }
    return function;
  }

  /** Never less than before: another thread may be about to launch with that. */
  private synchronized void allow(Kernel kernel, long function, int bytes) {
    if (bytes > shared.get(kernel.ordinal())) {
      CudaFunctions.funcSetAttribute(function, MAX_DYNAMIC_SHARED, bytes);
      shared.set(kernel.ordinal(), bytes);
    }
  }

  private long find(Kernel kernel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(JAVA_LONG);
      CudaFunctions.moduleGetFunction(handle, module, arena.allocateFrom(kernel.symbol()));
      return handle.get(JAVA_LONG, 0);
    }
  }

  void unload() {
    CudaFunctions.moduleUnload(module);
  }
}
