package dev.tartan.compute.cuda;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The compiled kernels: machine code for some architectures, which runs on devices of the same
 * major compute capability and the same minor or a later, and PTX, which the driver compiles for
 * later ones.
 */
final class CudaImage {
  /** Names a file to load in place of the kernels that the jar has. */
  static final String PROPERTY = "tartan.cuda.image";

  private static final String FOLDER = "META-INF/cuda/";
  private static final String PTX = FOLDER + "tartan.ptx";
  private static final int OLDEST_MAJOR = 8;
  private static final int MOST_MINORS = 9;
  private static final Pattern TARGET = Pattern.compile("\\.target\\s+sm_(\\d+)");

  private CudaImage() {}

  /** Why a device of this compute capability has no kernels; null if it has. */
  static @Nullable String problem(int major, int minor) {
    if (major < OLDEST_MAJOR) {
      return "no kernels for a device of compute capability %d.%d; 8.0 or later is needed"
          .formatted(major, minor);
    }
    String file = CudaDriver.property(PROPERTY);
    if (file != null) {
      return Files.isReadable(Path.of(file))
          ? null
          : "%s names %s, which is not there".formatted(PROPERTY, file);
    }
    if (machineCode(major, minor, CudaImage::exists) != null) {
      return null;
    }
    byte[] ptx = resource(PTX);
    if (ptx == null) {
      return "the jar has no CUDA kernels for compute capability %d.%d; use --backend cpu"
          .formatted(major, minor);
    }
    return target(ptx) <= 10 * major + minor
        ? null
        : "the CUDA kernels need a device of compute capability %.1f, not %d.%d; use --backend cpu"
            .formatted(target(ptx) / 10.0, major, minor);
  }

  /** The kernels for a device of this compute capability, as cuModuleLoadData takes them. */
  static byte[] choose(int major, int minor) {
    String file = CudaDriver.property(PROPERTY);
    String machineCode = machineCode(major, minor, CudaImage::exists);
    byte[] image = file == null ? resource(machineCode == null ? PTX : machineCode) : read(file);
    if (image == null) {
      throw new TartanException("the jar has no CUDA kernels; use --backend cpu");
    }
    return image;
  }

  /** The resource with the machine code of the latest architecture that the device runs. */
  static @Nullable String machineCode(int major, int minor, Predicate<String> exists) {
    for (int m = Math.min(minor, MOST_MINORS); m >= 0; m--) {
      String name = "%ssm_%d%d.cubin".formatted(FOLDER, major, m);
      if (exists.test(name)) {
        return name;
      }
    }
    return null;
  }

  /** The compute capability that PTX was written for, times ten. */
  static int target(byte[] ptx) {
    Matcher matcher = TARGET.matcher(new String(ptx, StandardCharsets.ISO_8859_1));
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : Integer.MAX_VALUE;
  }

  static boolean exists(String resource) {
    return CudaImage.class.getClassLoader().getResource(resource) != null;
  }

  private static byte @Nullable [] resource(String name) {
    try (InputStream in = CudaImage.class.getClassLoader().getResourceAsStream(name)) {
      return in == null ? null : in.readAllBytes();
    } catch (IOException e) {
      throw TartanException.io(name, e);
    }
  }

  private static byte[] read(String file) {
    try {
      return Files.readAllBytes(Path.of(file));
    } catch (IOException e) {
      throw TartanException.io(file, e);
    }
  }
}
