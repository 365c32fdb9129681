package dev.tartan.compute.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What {@link Kernel} says of the kernels is what their sources say. */
class CudaHeaderTest {
  private static final Pattern STRUCT = Pattern.compile("struct (\\w+) \\{([^}]*)\\};");
  private static final Pattern FIELD =
      Pattern.compile("(?:const )?(\\w+)(\\*?) (\\w+)(?:\\[(\\d+)])?;");
  private static final Pattern KERNEL =
      Pattern.compile("TARTAN_KERNEL(?:_OF_BLOCKS)?\\((tartan_\\w+), (\\w+),(?: \\d+,)? (\\w+)\\)");
  private static final Pattern CONSTANT = Pattern.compile("constexpr int (\\w+) = (\\d+);");
  private static final Pattern FUSED = Pattern.compile("TARTAN_FUSED_KERNEL\\((tartan_\\w+),");

  /** Size and alignment. */
  private record Layout(int bytes, int alignment) {}

  @Test
  void everyKernelHasItsThreadsAndArguments() throws IOException {
    Map<String, Layout> structs = structs();
    Map<String, String> declared = new TreeMap<>();
    for (String source : sources()) {
      for (MatchResult kernel : all(KERNEL, source)) {
        int bytes = structs.get(kernel.group(3)).bytes();
        String threads = kernel.group(2);
        for (MatchResult constant : all(CONSTANT, source)) {
          threads = threads.equals(constant.group(1)) ? constant.group(2) : threads;
        }
        declared.put(kernel.group(1), threads + " threads, " + bytes + " bytes");
      }
      for (MatchResult kernel : all(FUSED, source)) {
        int bytes = structs.get("MaxSimArguments").bytes();
        declared.put(kernel.group(1), "128 threads, " + bytes + " bytes");
      }
    }
    Map<String, String> known = new TreeMap<>();
    for (Kernel kernel : Kernel.values()) {
      known.put(kernel.symbol(), kernel.threads + " threads, " + kernel.argumentBytes + " bytes");
    }
    assertEquals(lines(declared), lines(known));
  }

  @Test
  void fieldsAreAlignedAsInC() {
    try (Arena arena = Arena.ofConfined()) {
      CudaArguments arguments = new CudaArguments(arena);
      arguments.begin().integer(1).number(2).real(3).integer(4).number(5);
      long[] words = arguments.written().toArray(java.lang.foreign.ValueLayout.JAVA_LONG);
      assertEquals(4, words.length);
      assertEquals(1, (int) words[0]);
      assertEquals(2, words[1]);
      assertEquals(Float.floatToIntBits(3) | 4L << 32, words[2]);
      assertEquals(5, words[3]);
    }
  }

  /** The structures of arguments.cuh, those with which they are made included. */
  private static Map<String, Layout> structs() throws IOException {
    String header = Files.readString(directory().resolve("arguments.cuh"));
    Map<String, Layout> layouts = new HashMap<>();
    for (MatchResult struct : all(STRUCT, header.replaceAll("//[^\n]*", ""))) {
      int end = 0;
      int alignment = 1;
      for (MatchResult field : all(FIELD, struct.group(2))) {
        Layout type = field.group(2).isEmpty() ? type(field.group(1), layouts) : new Layout(8, 8);
        int count = field.group(4) == null ? 1 : Integer.parseInt(field.group(4));
        end = aligned(end, type.alignment()) + count * type.bytes();
        alignment = Math.max(alignment, type.alignment());
      }
      assertEquals(aligned(end, alignment), end, struct.group(1) + " ends on its alignment");
      layouts.put(struct.group(1), new Layout(end, alignment));
    }
    return layouts;
  }

  private static Layout type(String name, Map<String, Layout> structs) {
    return switch (name) {
      case "int64_t", "uint64_t" -> new Layout(8, 8);
      case "int32_t", "uint32_t", "float" -> new Layout(4, 4);
      default -> structs.get(name);
    };
  }

  private static int aligned(int at, int alignment) {
    return (at + alignment - 1) / alignment * alignment;
  }

  private static List<MatchResult> all(Pattern pattern, String text) {
    return pattern.matcher(text).results().toList();
  }

  private static String lines(Map<String, String> kernels) {
    StringBuilder lines = new StringBuilder();
    kernels.forEach((name, what) -> lines.append(name).append(": ").append(what).append('\n'));
    return lines.toString();
  }

  private static List<String> sources() throws IOException {
    List<String> sources = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory())) {
      files.filter(file -> file.toString().endsWith(".cu")).forEach(f -> sources.add(read(f)));
    }
    return sources;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path directory() {
    String path = System.getProperty("tartan.kernel.sources");
    assumeTrue(path != null, "tartan.kernel.sources is not set");
    return Path.of(path);
  }
}
