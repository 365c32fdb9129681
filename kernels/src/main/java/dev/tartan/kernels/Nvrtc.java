package dev.tartan.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * NVIDIA's runtime compiler, bound by hand: it compiles for any device on a machine that has none.
 * The library comes from the class path (org.bytedeco:cuda-redist), unpacked once. One instance may
 * compile in many threads.
 */
final class Nvrtc {
  private static final String RESOURCES = "/org/bytedeco/cuda/linux-x86_64/";
  private static final String LIBRARY = "libnvrtc.so.13";
  private static final String BUILTINS = "libnvrtc-builtins.so.13.3";

  private final SymbolLookup library;
  private final MethodHandle create;
  private final MethodHandle compile;
  private final MethodHandle destroy;

  /** What a compilation gives: the image, empty if it failed, and what the compiler said. */
  record Result(boolean success, byte[] image, String log) {}

  /** Unpacks the compiler to {@code folder} if it is not there. */
  Nvrtc(Path folder) {
    // libnvrtc opens the other by name, which finds it only if it is open already
    SymbolLookup.libraryLookup(unpacked(folder, BUILTINS), Arena.global());
    library = SymbolLookup.libraryLookup(unpacked(folder, LIBRARY), Arena.global());
    create = function("nvrtcCreateProgram", ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    compile = function("nvrtcCompileProgram", ADDRESS, JAVA_INT, ADDRESS);
    destroy = function("nvrtcDestroyProgram", ADDRESS);
  }

  /** Whether the class path has the compiler for this machine. */
  static boolean present() {
    return System.getProperty("os.name").equals("Linux")
        && System.getProperty("os.arch").equals("amd64")
        && Nvrtc.class.getResource(RESOURCES + LIBRARY) != null;
  }

  private static Path unpacked(Path folder, String name) {
    Path file = folder.resolve(name);
    if (!Files.exists(file)) {
      try (InputStream in = Nvrtc.class.getResourceAsStream(RESOURCES + name)) {
        if (in == null) {
          throw new IllegalStateException(name + " is not on the class path");
        }
        Files.createDirectories(folder);
        Path part = folder.resolve(name + ".part");
        Files.copy(in, part, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.move(part, file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return file.toAbsolutePath();
  }

  private MethodHandle function(String name, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(
            library.find(name).orElseThrow(), FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /**
   * Compiles one program.
   *
   * @param kind "CUBIN" or "PTX"
   */
  Result compile(String source, String name, List<String> options, String kind) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment place = arena.allocate(ADDRESS);
      MemorySegment none = MemorySegment.NULL;
      check(
          (int)
              create.invokeExact(
                  place, arena.allocateFrom(source), arena.allocateFrom(name), 0, none, none));
      MemorySegment program = place.get(ADDRESS, 0);
      MemorySegment list = arena.allocate(ADDRESS, options.size());
      for (int i = 0; i < options.size(); i++) {
        list.setAtIndex(ADDRESS, i, arena.allocateFrom(options.get(i)));
      }
      int status = (int) compile.invokeExact(program, options.size(), list);
      String log =
          new String(read(program, "ProgramLog", arena), java.nio.charset.StandardCharsets.UTF_8)
              .replace("\0", "");
      byte[] image = status == 0 ? read(program, kind, arena) : new byte[0];
      check((int) destroy.invokeExact(place));
      return new Result(status == 0, image, log);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private byte[] read(MemorySegment program, String what, Arena arena) throws Throwable {
    MemorySegment size = arena.allocate(JAVA_LONG);
    check((int) function("nvrtcGet" + what + "Size", ADDRESS, ADDRESS).invokeExact(program, size));
    MemorySegment bytes = arena.allocate(size.get(JAVA_LONG, 0));
    check((int) function("nvrtcGet" + what, ADDRESS, ADDRESS).invokeExact(program, bytes));
    return bytes.toArray(JAVA_BYTE);
  }

  private static void check(int status) {
    if (status != 0) {
      throw new IllegalStateException("NVRTC fails with status " + status);
    }
  }
}
