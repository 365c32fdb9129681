package dev.tartan.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What each kernel takes on each architecture, from what the assembler says of it. */
final class KernelReport {
  private static final Pattern ENTRY = Pattern.compile("Compiling entry function '(\\w+)'");
  private static final Pattern SPILLS =
      Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");
  private static final Pattern USED = Pattern.compile("Used (\\d+) registers");
  private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");
  private static final Pattern KERNEL =
      Pattern.compile("TARTAN_KERNEL(?:_OF_BLOCKS)?\\((\\w+), (\\w+),");
  private static final Pattern FUSED = Pattern.compile("TARTAN_FUSED_KERNEL\\((\\w+),");
  private static final Pattern CONSTANT = Pattern.compile("constexpr int (\\w+) = (\\d+);");
  private static final int FUSED_THREADS = 128;

  private record Use(int registers, int shared, int spilled) {}

  private final Map<String, Integer> threads;
  private final int dynamicBytes;
  private final Map<String, Map<String, Use>> uses = new TreeMap<>();

  /**
   * @param threads of a block, by kernel
   * @param dynamicBytes shared memory that the MaxSim kernels are given at the start
   */
  KernelReport(Map<String, Integer> threads, int dynamicBytes) {
    this.threads = threads;
    this.dynamicBytes = dynamicBytes;
  }

  /** The kernels that a source defines, with their block sizes. */
  static Map<String, Integer> threads(String source) {
    Map<String, String> constants = new TreeMap<>();
    Matcher constant = CONSTANT.matcher(source);
    while (constant.find()) {
      constants.put(constant.group(1), constant.group(2));
    }
    Map<String, Integer> threads = new TreeMap<>();
    Matcher kernel = KERNEL.matcher(source);
    while (kernel.find()) {
      String count = kernel.group(2);
      threads.put(kernel.group(1), Integer.valueOf(constants.getOrDefault(count, count)));
    }
    Matcher fused = FUSED.matcher(source);
    while (fused.find()) {
      threads.put(fused.group(1), FUSED_THREADS);
    }
    return threads;
  }

  void add(String architecture, String log) {
    String kernel = "";
    int spilled = 0;
    for (String line : log.lines().toList()) {
      Matcher entry = ENTRY.matcher(line);
      if (entry.find()) {
        kernel = entry.group(1);
        spilled = 0;
      }
      Matcher spills = SPILLS.matcher(line);
      if (spills.find()) {
        spilled = Integer.parseInt(spills.group(1)) + Integer.parseInt(spills.group(2));
      }
      Matcher used = USED.matcher(line);
      if (used.find()) {
        Matcher shared = SHARED.matcher(line);
        int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
        uses.computeIfAbsent(kernel, name -> new TreeMap<>())
            .put(architecture, new Use(Integer.parseInt(used.group(1)), bytes, spilled));
      }
    }
  }

  /** "kernel on architecture" where registers are spilled. */
  List<String> spills() {
    List<String> spills = new ArrayList<>();
    uses.forEach(
        (kernel, byArchitecture) ->
            byArchitecture.forEach(
                (architecture, use) -> {
                  if (use.spilled > 0) {
                    spills.add(kernel + " on " + architecture);
                  }
                }));
    return spills;
  }

  String text() {
    StringBuilder text = new StringBuilder();
    text.append(
        "%nCUDA kernels: registers / theoretical occupancy in %%, * where registers are spilled%n"
            .formatted());
    text.append("%-30s %7s %8s".formatted("kernel", "threads", "shared"));
    Architecture.ALL.forEach(a -> text.append(" %9s".formatted(a.name())));
    text.append(System.lineSeparator());
    uses.forEach(
        (kernel, byArchitecture) -> {
          boolean dynamic =
              (kernel.contains("maxsim_") && !kernel.contains("integer"))
                  || kernel.contains("rescore");
          int shared =
              byArchitecture.values().iterator().next().shared + (dynamic ? dynamicBytes : 0);
          int count = threads.getOrDefault(kernel, 256);
          text.append("%-30s %7d %8d".formatted(kernel, count, shared));
          for (Architecture a : Architecture.ALL) {
            Use use = byArchitecture.get(a.name());
            String cell =
                use == null
                    ? "-"
                    : use.registers
                        + "/"
                        + a.occupancy(count, use.registers, shared)
                        + (use.spilled > 0 ? "*" : "");
            text.append(" %9s".formatted(cell));
          }
          text.append(System.lineSeparator());
        });
    return text.toString();
  }
}
