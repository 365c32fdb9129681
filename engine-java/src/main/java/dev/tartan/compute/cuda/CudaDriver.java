package dev.tartan.compute.cuda;

import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The CUDA driver of this machine, looked for once a JVM.
 *
 * @param lookup finds its functions; null if there is no driver
 * @param absence why there is none; null if there is one
 */
record CudaDriver(@Nullable SymbolLookup lookup, @Nullable String absence) {
  /** Names a file to take for the driver. */
  static final String PROPERTY = "tartan.cuda.driver";

  /** Numbers of the devices to use, with commas between; all of them unless it is set. */
  static final String DEVICES = "tartan.cuda.devices";

  private static final String LIBRARY = "libcuda.so.1";

  /** The youngest function that is called; drivers have it since CUDA 11.0. */
  private static final String YOUNGEST = "cuDevicePrimaryCtxRelease_v2";

  private static final CudaDriver FOUND = find(property(PROPERTY));

  static CudaDriver get() {
    return FOUND;
  }

  /** Why the driver or all of its devices cannot be used; null if they can. Never throws. */
  static @Nullable String problem() {
    return Answer.PROBLEM;
  }

  /** Why a device cannot be used; null if it can. */
  static @Nullable String problem(int ordinal) {
    return CudaImage.problem(CudaDevice.major(ordinal), CudaDevice.minor(ordinal));
  }

  /**
   * The devices to use, where there is no {@link #problem()}.
   *
   * @throws TartanException if {@link #DEVICES} names others than the driver has
   */
  static int[] devices() {
    int count = Answer.count();
    String named = property(DEVICES);
    if (named == null) {
      return IntStream.range(0, count).toArray();
    }
    try {
      int[] ordinals = Stream.of(named.split(",")).mapToInt(Integer::parseInt).distinct().toArray();
      if (IntStream.of(ordinals).allMatch(ordinal -> ordinal >= 0 && ordinal < count)) {
        return ordinals;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new TartanException(
        "%s is '%s'; it takes numbers from 0 to %d with commas between"
            .formatted(DEVICES, named, count - 1));
  }

  /** A system property; null also if it is empty. */
  static @Nullable String property(String name) {
    String value = System.getProperty(name, "");
    return value.isEmpty() ? null : value;
  }

  /** A system property that is a number of bytes. */
  static long bytes(String name, long otherwise) {
    String value = property(name);
    try {
      return value == null ? otherwise : Long.parseLong(value);
    } catch (NumberFormatException e) {
      throw new TartanException("%s is '%s'; it takes bytes".formatted(name, value), e);
    }
  }

  static CudaDriver find(@Nullable String file) {
    if (file != null && !Files.isRegularFile(Path.of(file))) {
      return none("no CUDA driver: %s names %s, which is not there".formatted(PROPERTY, file));
    }
    try {
      SymbolLookup lookup =
          file == null
              ? SymbolLookup.libraryLookup(LIBRARY, Arena.global())
              : SymbolLookup.libraryLookup(Path.of(file), Arena.global());
      return lookup.find(YOUNGEST).isPresent()
          ? new CudaDriver(lookup, null)
          : none("the CUDA driver is older than 11.0; update it or use --backend cpu");
    } catch (IllegalArgumentException e) {
      return none(
          file == null
              ? "no CUDA driver: %s is not installed; install the NVIDIA driver or use --backend cpu"
                  .formatted(LIBRARY)
              : "no CUDA driver: %s does not load".formatted(file));
    }
  }

  private static CudaDriver none(String absence) {
    return new CudaDriver(null, absence);
  }

  /** The device's part of the answer, asked for only where there is a driver. */
  private static final class Answer {
    static final @Nullable String PROBLEM = ask();

    private static @Nullable String ask() {
      if (get().absence != null) {
        return get().absence;
      }
      try {
        return askDevice();
      } catch (TartanException e) {
        return e.getMessage();
      }
    }

    private static @Nullable String askDevice() {
      int status = CudaFunctions.init(0);
      int devices = status == CudaError.NONE ? count() : 0;
      if (status == CudaError.NO_DEVICE || (status == CudaError.NONE && devices == 0)) {
        return "the CUDA driver finds no device; is one visible (CUDA_VISIBLE_DEVICES)? or use"
            + " --backend cpu";
      }
      if (status != CudaError.NONE) {
        return CudaError.message(status, "cuInit");
      }
      String first = null;
      for (int ordinal = 0; ordinal < devices; ordinal++) {
        String problem = problem(ordinal);
        if (problem == null) {
          return null;
        }
        first = first == null ? problem : first;
      }
      return first;
    }

    private static int count() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
        return CudaFunctions.deviceGetCount(count) == CudaError.NONE
            ? count.get(ValueLayout.JAVA_INT, 0)
            : 0;
      }
    }
  }
}
