package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** The kernels on one device. Safe for any number of threads. */
final class CudaModule {
  private final long module;
  private final Map<Kernel, Function> functions = new EnumMap<>(Kernel.class);

  /** Loads the kernels for {@code device}, whose context is current. */
  CudaModule(CudaDevice device) {
    byte[] image = CudaImage.choose(device.major(), device.minor());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment terminated = arena.allocate(image.length + 1L, 64); // PTX is a C string
      MemorySegment.copy(image, 0, terminated, JAVA_BYTE, 0, image.length);
      MemorySegment handle = arena.allocate(JAVA_LONG);
      CudaFunctions.moduleLoadData(handle, terminated);
      module = handle.get(JAVA_LONG, 0);
      for (Kernel kernel : Kernel.values()) {
        CudaFunctions.moduleGetFunction(handle, module, arena.allocateFrom(kernel.symbol()));
        functions.put(kernel, new Function(device, handle.get(JAVA_LONG, 0)));
      }
    }
  }

  /** The handle of a kernel, ready to be given so much dynamic shared memory. */
  long function(Kernel kernel, int sharedBytes) {
    Function function = Objects.requireNonNull(functions.get(kernel));
    function.allow(sharedBytes);
    return function.handle;
  }

  void unload() {
    CudaFunctions.moduleUnload(module);
  }

  /** A kernel and the shared memory that it may have so far. */
  private static final class Function {
    /** CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES. */
    private static final int MAX_DYNAMIC_SHARED = 8;

    /** What a kernel may have unasked. */
    private static final int UNASKED = 48 << 10;

    /** Room for what a kernel has besides the dynamic part: all of it counts. */
    private static final int BESIDES = 16 << 10;

    private final CudaDevice device;
    private final long handle;
    private volatile int allowed = UNASKED;

    Function(CudaDevice device, long handle) {
      this.device = device;
      this.handle = handle;
    }

    void allow(int dynamicBytes) {
      if (dynamicBytes > 0 && dynamicBytes + BESIDES > allowed) {
        raise(dynamicBytes + BESIDES);
      }
    }

    /** Never lowers: another thread may be about to launch with what there was. */
    private synchronized void raise(int bytes) {
      if (bytes > allowed) {
        device.enter();
        CudaFunctions.funcSetAttribute(handle, MAX_DYNAMIC_SHARED, bytes);
        allowed = bytes;
      }
    }
  }
}
