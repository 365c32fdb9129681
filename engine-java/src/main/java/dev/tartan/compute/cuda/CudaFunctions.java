package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Objects;

/**
 * One handle and one method for each function of the CUDA driver API that Tartan calls, under its
 * name without the "cu". Touch this class only after {@link CudaDriver} has a lookup.
 *
 * <p>Handles and addresses of the device are longs. A function that fails throws; those that return
 * an int leave the status to the caller.
 */
final class CudaFunctions {
  /** Longer than any text of the driver. */
  private static final int TEXT_BYTES = 4096;

  private static final MethodHandle INIT = handle("cuInit", JAVA_INT);
  private static final MethodHandle DRIVER_GET_VERSION = handle("cuDriverGetVersion", ADDRESS);
  private static final MethodHandle DEVICE_GET_COUNT = handle("cuDeviceGetCount", ADDRESS);
  private static final MethodHandle DEVICE_GET = handle("cuDeviceGet", ADDRESS, JAVA_INT);
  private static final MethodHandle DEVICE_GET_NAME =
      handle("cuDeviceGetName", ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_GET_ATTRIBUTE =
      handle("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_TOTAL_MEM =
      handle("cuDeviceTotalMem_v2", ADDRESS, JAVA_INT);
  private static final MethodHandle DEVICE_PRIMARY_CTX_RETAIN =
      handle("cuDevicePrimaryCtxRetain", ADDRESS, JAVA_INT);
  private static final MethodHandle DEVICE_PRIMARY_CTX_RELEASE =
      handle("cuDevicePrimaryCtxRelease_v2", JAVA_INT);
  private static final MethodHandle CTX_SET_CURRENT = handle("cuCtxSetCurrent", JAVA_LONG);
  private static final MethodHandle CTX_SYNCHRONIZE = handle("cuCtxSynchronize");
  private static final MethodHandle STREAM_CREATE = handle("cuStreamCreate", ADDRESS, JAVA_INT);
  private static final MethodHandle STREAM_DESTROY = handle("cuStreamDestroy_v2", JAVA_LONG);
  private static final MethodHandle STREAM_SYNCHRONIZE = handle("cuStreamSynchronize", JAVA_LONG);
  private static final MethodHandle MODULE_LOAD_DATA = handle("cuModuleLoadData", ADDRESS, ADDRESS);
  private static final MethodHandle MODULE_UNLOAD = handle("cuModuleUnload", JAVA_LONG);
  private static final MethodHandle MODULE_GET_FUNCTION =
      handle("cuModuleGetFunction", ADDRESS, JAVA_LONG, ADDRESS);
  private static final MethodHandle FUNC_SET_ATTRIBUTE =
      handle("cuFuncSetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle MEM_GET_INFO = handle("cuMemGetInfo_v2", ADDRESS, ADDRESS);
  private static final MethodHandle MEM_ALLOC = handle("cuMemAlloc_v2", ADDRESS, JAVA_LONG);
  private static final MethodHandle MEM_FREE = handle("cuMemFree_v2", JAVA_LONG);
  private static final MethodHandle MEM_HOST_ALLOC =
      handle("cuMemHostAlloc", ADDRESS, JAVA_LONG, JAVA_INT);
  private static final MethodHandle MEM_FREE_HOST = handle("cuMemFreeHost", ADDRESS);
  private static final MethodHandle MEMCPY_HTOD_ASYNC =
      handle("cuMemcpyHtoDAsync_v2", JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MEMCPY_DTOH_ASYNC =
      handle("cuMemcpyDtoHAsync_v2", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MEMSET_D8_ASYNC =
      handle("cuMemsetD8Async", JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LAUNCH_KERNEL =
      handle(
          "cuLaunchKernel",
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle GET_ERROR_NAME = handle("cuGetErrorName", JAVA_INT, ADDRESS);
  private static final MethodHandle GET_ERROR_STRING =
      handle("cuGetErrorString", JAVA_INT, ADDRESS);

  private CudaFunctions() {}

  static int init(int flags) {
    try {
      return (int) INIT.invokeExact(flags);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static int driverGetVersion(MemorySegment version) {
    try {
      return (int) DRIVER_GET_VERSION.invokeExact(version);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static int deviceGetCount(MemorySegment count) {
    try {
      return (int) DEVICE_GET_COUNT.invokeExact(count);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void deviceGet(MemorySegment device, int ordinal) {
    try {
      check((int) DEVICE_GET.invokeExact(device, ordinal), "cuDeviceGet");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void deviceGetName(MemorySegment name, int length, int device) {
    try {
      check((int) DEVICE_GET_NAME.invokeExact(name, length, device), "cuDeviceGetName");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void deviceGetAttribute(MemorySegment value, int attribute, int device) {
    try {
      check(
          (int) DEVICE_GET_ATTRIBUTE.invokeExact(value, attribute, device), "cuDeviceGetAttribute");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void deviceTotalMem(MemorySegment bytes, int device) {
    try {
      check((int) DEVICE_TOTAL_MEM.invokeExact(bytes, device), "cuDeviceTotalMem");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void devicePrimaryCtxRetain(MemorySegment context, int device) {
    try {
      check(
          (int) DEVICE_PRIMARY_CTX_RETAIN.invokeExact(context, device), "cuDevicePrimaryCtxRetain");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void devicePrimaryCtxRelease(int device) {
    try {
      check((int) DEVICE_PRIMARY_CTX_RELEASE.invokeExact(device), "cuDevicePrimaryCtxRelease");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void ctxSetCurrent(long context) {
    try {
      check((int) CTX_SET_CURRENT.invokeExact(context), "cuCtxSetCurrent");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void ctxSynchronize() {
    try {
      check((int) CTX_SYNCHRONIZE.invokeExact(), "cuCtxSynchronize");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void streamCreate(MemorySegment stream, int flags) {
    try {
      check((int) STREAM_CREATE.invokeExact(stream, flags), "cuStreamCreate");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void streamDestroy(long stream) {
    try {
      check((int) STREAM_DESTROY.invokeExact(stream), "cuStreamDestroy");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void streamSynchronize(long stream) {
    try {
      check((int) STREAM_SYNCHRONIZE.invokeExact(stream), "cuStreamSynchronize");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void moduleLoadData(MemorySegment module, MemorySegment image) {
    try {
      check((int) MODULE_LOAD_DATA.invokeExact(module, image), "cuModuleLoadData");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void moduleUnload(long module) {
    try {
      check((int) MODULE_UNLOAD.invokeExact(module), "cuModuleUnload");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void moduleGetFunction(MemorySegment function, long module, MemorySegment name) {
    try {
      check((int) MODULE_GET_FUNCTION.invokeExact(function, module, name), "cuModuleGetFunction");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void funcSetAttribute(long function, int attribute, int value) {
    try {
      check((int) FUNC_SET_ATTRIBUTE.invokeExact(function, attribute, value), "cuFuncSetAttribute");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memGetInfo(MemorySegment free, MemorySegment total) {
    try {
      check((int) MEM_GET_INFO.invokeExact(free, total), "cuMemGetInfo");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static int memAlloc(MemorySegment address, long bytes) {
    try {
      return (int) MEM_ALLOC.invokeExact(address, bytes);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memFree(long address) {
    try {
      check((int) MEM_FREE.invokeExact(address), "cuMemFree");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memHostAlloc(MemorySegment address, long bytes, int flags) {
    try {
      check((int) MEM_HOST_ALLOC.invokeExact(address, bytes, flags), "cuMemHostAlloc");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memFreeHost(MemorySegment address) {
    try {
      check((int) MEM_FREE_HOST.invokeExact(address), "cuMemFreeHost");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memcpyHtoDAsync(long to, MemorySegment from, long bytes, long stream) {
    try {
      check((int) MEMCPY_HTOD_ASYNC.invokeExact(to, from, bytes, stream), "cuMemcpyHtoDAsync");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memcpyDtoHAsync(MemorySegment to, long from, long bytes, long stream) {
    try {
      check((int) MEMCPY_DTOH_ASYNC.invokeExact(to, from, bytes, stream), "cuMemcpyDtoHAsync");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  static void memsetD8Async(long address, byte value, long bytes, long stream) {
    try {
      check((int) MEMSET_D8_ASYNC.invokeExact(address, value, bytes, stream), "cuMemsetD8Async");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /** Blocks of {@code threads} threads in x; {@code parameters} as cuLaunchKernel takes them. */
  static void launchKernel(
      long function,
      int blocksX,
      int blocksY,
      int threads,
      int shared,
      long stream,
      MemorySegment parameters) {
    try {
      check(
          (int)
              LAUNCH_KERNEL.invokeExact(
                  function,
                  blocksX,
                  blocksY,
                  1,
                  threads,
                  1,
                  1,
                  shared,
                  stream,
                  parameters,
                  MemorySegment.NULL),
          "cuLaunchKernel");
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /** Throws what a call that returned {@code status} has to tell the user, unless that is 0. */
  static void check(int status, String call) {
    if (status != CudaError.NONE) {
      throw new TartanException(CudaError.message(status, call));
    }
  }

  /** The driver's name of an error. */
  static String errorName(int status) {
    return text(GET_ERROR_NAME, status);
  }

  /** The driver's description of an error. */
  static String errorText(int status) {
    return text(GET_ERROR_STRING, status);
  }

  private static String text(MethodHandle function, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(ADDRESS);
      int unknown = (int) function.invokeExact(status, text);
      MemorySegment chars = text.get(ADDRESS, 0);
      return unknown != 0 || chars.address() == 0
          ? "error " + status
          : chars.reinterpret(TEXT_BYTES).getString(0);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  private static MethodHandle handle(String name, MemoryLayout... arguments) {
    SymbolLookup lookup = Objects.requireNonNull(CudaDriver.get().lookup());
    return Linker.nativeLinker()
        .downcallHandle(lookup.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, arguments));
  }

  private static RuntimeException failed(Throwable thrown) {
    if (thrown instanceof RuntimeException e) {
      return e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
    throw new AssertionError("native functions throw nothing", thrown);
  }
}
