package dev.tartan.kernels;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Counts the instructions of each kernel in its whole body, from PTX: {@code CountInstructions
 * FILE.ptx} prints a table of Markdown. A loop that is not unrolled counts once, a path that is
 * never taken counts too.
 */
final class CountInstructions {
  private static final Pattern ENTRY = Pattern.compile("\\.entry (\\w+)\\(");
  private static final Pattern LABEL = Pattern.compile("(\\$\\w+):");
  private static final Pattern INSTRUCTION =
      Pattern.compile("(?:@!?%\\w+\\s+)?([a-z]\\w*(?:\\.\\w+)*(?:::\\w+)*)\\s*([^;]*);");
  private static final Pattern WIDTH = Pattern.compile("\\.(?:v(\\d))?\\.?[busf](8|16|32|64)$");

  private enum Kind {
    MMA("mma"),
    GLOBAL_LOAD("global loads"),
    GLOBAL_STORE("global stores"),
    SHARED_LOAD("shared loads"),
    SHARED_STORE("shared stores"),
    ATOMIC("atomics"),
    COPY("cp.async"),
    FLOAT("float"),
    INTEGER("integer"),
    WARP("shuffles, votes"),
    BARRIER("barriers"),
    BRANCH("branches"),
    OTHER("other");

    final String title;

    Kind(String title) {
      this.title = title;
    }
  }

  private static final Set<Kind> ACCESSES =
      EnumSet.of(Kind.GLOBAL_LOAD, Kind.GLOBAL_STORE, Kind.SHARED_LOAD, Kind.SHARED_STORE);

  /**
   * A place in a body.
   *
   * @param kind null for a label
   * @param bytes that a thread loads or stores
   * @param label that it is, or that it branches to; else empty
   */
  private record Line(Kind kind, int bytes, String label) {
    boolean isLabel() {
      return kind == null;
    }
  }

  private CountInstructions() {}

  public static void main(String[] args) throws IOException {
    String ptx = Files.readString(Path.of(args[0]), StandardCharsets.ISO_8859_1);
    StringBuilder head = new StringBuilder("| kernel | all ");
    StringBuilder rule = new StringBuilder("|---|---");
    for (Kind kind : Kind.values()) {
      head.append("| ").append(kind.title).append(' ');
      rule.append("|---");
    }
    System.out.println(head + "| a tile: all / mma |");
    System.out.println(rule + "|---|");
    kernels(ptx).forEach((name, body) -> System.out.println(row(name, body)));
  }

  private static Map<String, List<Line>> kernels(String ptx) {
    Map<String, List<Line>> kernels = new LinkedHashMap<>();
    List<Line> body = new ArrayList<>();
    for (String line : ptx.lines().toList()) {
      Matcher entry = ENTRY.matcher(line);
      if (entry.find()) {
        body = new ArrayList<>();
        kernels.put(entry.group(1), body);
        continue;
      }
      Matcher label = LABEL.matcher(line.strip());
      if (label.matches()) {
        body.add(new Line(null, 0, label.group(1)));
        continue;
      }
      Matcher instruction = INSTRUCTION.matcher(line.strip());
      if (instruction.lookingAt()) {
        body.add(line(instruction.group(1), instruction.group(2)));
      }
    }
    return kernels;
  }

  private static Line line(String name, String operands) {
    Kind kind = kind(name);
    return new Line(kind, bytes(name), kind == Kind.BRANCH ? operands.strip() : "");
  }

  private static Kind kind(String name) {
    String operation = name.substring(0, name.indexOf('.') < 0 ? name.length() : name.indexOf('.'));
    return switch (operation) {
      case "mma" -> Kind.MMA;
      case "ld" -> load(name);
      case "st" -> name.contains(".shared") ? Kind.SHARED_STORE : Kind.GLOBAL_STORE;
      case "atom", "red" -> Kind.ATOMIC;
      case "cp" -> Kind.COPY;
      case "shfl", "vote", "activemask" -> Kind.WARP;
      case "bar", "barrier", "membar", "fence" -> Kind.BARRIER;
      case "bra", "ret", "exit" -> Kind.BRANCH;
      case "mov", "cvta" -> Kind.OTHER;
      default -> isFloat(name) ? Kind.FLOAT : Kind.INTEGER;
    };
  }

  private static Kind load(String name) {
    if (name.contains(".shared")) {
      return Kind.SHARED_LOAD;
    }
    return name.contains(".param") ? Kind.OTHER : Kind.GLOBAL_LOAD;
  }

  private static boolean isFloat(String name) {
    return name.matches(".*\\.f(16|32|64)(x2)?(\\..*)?$");
  }

  private static int bytes(String name) {
    Matcher width = WIDTH.matcher(name);
    if (!width.find()) {
      return 0;
    }
    int vector = width.group(1) == null ? 1 : Integer.parseInt(width.group(1));
    return vector * Integer.parseInt(width.group(2)) / 8;
  }

  private static String row(String name, List<Line> body) {
    Map<Kind, Integer> counts = new EnumMap<>(Kind.class);
    Map<Kind, Integer> bytes = new EnumMap<>(Kind.class);
    for (Line line : body) {
      if (!line.isLabel()) {
        counts.merge(line.kind, 1, Integer::sum);
        bytes.merge(line.kind, line.bytes, Integer::sum);
      }
    }
    StringBuilder row = new StringBuilder();
    row.append("| `").append(name).append("` | ").append(instructions(body));
    for (Kind kind : Kind.values()) {
      row.append(" | ").append(counts.getOrDefault(kind, 0));
      if (ACCESSES.contains(kind) && counts.containsKey(kind)) {
        row.append(" (").append(bytes.get(kind)).append(" B)");
      }
    }
    return row.append(" | ").append(tile(body)).append(" |").toString();
  }

  private static long instructions(List<Line> lines) {
    return lines.stream().filter(line -> !line.isLabel()).count();
  }

  /** Of the loop over tiles, which holds the loop with all mma: the second from within. */
  private static String tile(List<Line> body) {
    List<List<Line>> loops = new ArrayList<>();
    for (List<Line> loop : loops(body)) {
      if (loop.stream().anyMatch(line -> line.kind == Kind.MMA)) {
        loops.add(loop);
      }
    }
    if (loops.size() < 2) {
      return "";
    }
    loops.sort(Comparator.comparingInt(List::size));
    List<Line> tile = loops.get(1);
    long mma = tile.stream().filter(line -> line.kind == Kind.MMA).count();
    return instructions(tile) + " / " + mma;
  }

  /** What lies between a label and the last branch back to it. */
  private static List<List<Line>> loops(List<Line> body) {
    Map<String, Integer> labels = new HashMap<>();
    Map<String, List<Line>> loops = new HashMap<>();
    for (int i = 0; i < body.size(); i++) {
      Line line = body.get(i);
      if (line.isLabel()) {
        labels.put(line.label, i);
      } else if (line.kind == Kind.BRANCH && labels.containsKey(line.label)) {
        loops.put(line.label, body.subList(labels.get(line.label), i + 1));
      }
    }
    return new ArrayList<>(loops.values());
  }
}
