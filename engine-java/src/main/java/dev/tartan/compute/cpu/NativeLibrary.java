package dev.tartan.compute.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The shared library of the CPU kernels, unpacked from the class path once a JVM.
 *
 * @param lookup finds its functions; null if there is no library
 * @param problem why there is none; null if there is one
 */
record NativeLibrary(@Nullable SymbolLookup lookup, @Nullable String problem) {
  private static final NativeLibrary LOADED = load();

  static NativeLibrary get() {
    return LOADED;
  }

  private static NativeLibrary load() {
    String name = System.mapLibraryName("tartan_cpu");
    String resource = "META-INF/native/%s/%s".formatted(platform(), name);
    ClassLoader loader = NativeLibrary.class.getClassLoader();
    try (InputStream in = loader.getResourceAsStream(resource)) {
      if (in == null) {
        return none(
            "the jar has no kernels for %s (it was built without CMake and a C++ compiler)"
                .formatted(platform()));
      }
      Path file = Files.createTempFile("tartan-", "-" + name);
      try {
        Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
        return new NativeLibrary(SymbolLookup.libraryLookup(file, Arena.global()), null);
      } finally {
        Files.deleteIfExists(file); // once mapped it needs no name
      }
    } catch (IOException | IllegalArgumentException e) {
      return none("the kernel library does not load: " + e.getMessage());
    }
  }

  private static NativeLibrary none(String problem) {
    return new NativeLibrary(null, problem);
  }

  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    String system = os.contains("mac") ? "macos" : os.contains("win") ? "windows" : "linux";
    String processor =
        switch (arch) {
          case "amd64" -> "x86_64";
          case "arm64" -> "aarch64";
          default -> arch;
        };
    return system + "-" + processor;
  }
}
