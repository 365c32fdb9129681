package dev.tartan.compute.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The handles of {@link CpuFunctions} are the functions of tartan_cpu.h, type for type. */
class HeaderTest {
  private static final Pattern FUNCTION =
      Pattern.compile("TARTAN_API\\s+([\\w\\s*]+?)\\b(tartan_\\w+)\\(([^)]*)\\);");

  @Test
  void everyFunctionHasAHandleOfItsType() throws Exception {
    assertEquals(new TreeMap<>(declared()).toString(), new TreeMap<>(bound()).toString());
  }

  @Test
  void theVersionIsTheHeaders() throws IOException {
    Matcher matcher = Pattern.compile("#define TARTAN_ABI_VERSION (\\d+)").matcher(header());
    assertEquals(true, matcher.find(), "the header states its version");
    assertEquals(Integer.parseInt(matcher.group(1)), CpuFunctions.ABI_VERSION);
  }

  private static Map<String, MethodType> declared() throws IOException {
    Map<String, MethodType> functions = new TreeMap<>();
    Matcher matcher = FUNCTION.matcher(header().replaceAll("//[^\n]*", ""));
    while (matcher.find()) {
      List<Class<?>> parameters = new ArrayList<>();
      for (String parameter : matcher.group(3).split(",", -1)) {
        if (!parameter.strip().equals("void")) {
          parameters.add(type(parameter));
        }
      }
      functions.put(matcher.group(2), MethodType.methodType(type(matcher.group(1)), parameters));
    }
    return functions;
  }

  /** The constants are named as the functions, so that one finds the other. */
  private static Map<String, MethodType> bound() throws IllegalAccessException {
    assumeTrue(CpuKernels.problem() == null, () -> "no CPU kernels: " + CpuKernels.problem());
    Map<String, MethodType> handles = new TreeMap<>();
    for (Field field : CpuFunctions.class.getDeclaredFields()) {
      if (field.getType() == MethodHandle.class) {
        field.setAccessible(true);
        String name = field.getName().toLowerCase(Locale.ROOT);
        String function = "tartan_" + (name.equals("abi") ? "abi_version" : name);
        handles.put(function, ((MethodHandle) field.get(null)).type());
      }
    }
    return handles;
  }

  private static Class<?> type(String declaration) {
    if (declaration.contains("*")) {
      return java.lang.foreign.MemorySegment.class;
    }
    return switch (declaration.strip().split("\\s+", 2)[0]) {
      case "int32_t" -> int.class;
      case "int64_t" -> long.class;
      case "float" -> float.class;
      default -> throw new AssertionError("the ABI has no type for '" + declaration + "'");
    };
  }

  private static String header() throws IOException {
    String path = System.getProperty("tartan.header");
    assumeTrue(path != null, "tartan.header is not set");
    return Files.readString(Path.of(path));
  }
}
