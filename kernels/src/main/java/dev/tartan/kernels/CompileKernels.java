package dev.tartan.kernels;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Compiles all kernels to one CUBIN an architecture, and to PTX for later ones: {@code
 * CompileKernels SOURCES OUT WORK}. Prints what each kernel takes, and fails where one spills
 * registers. Does nothing where neither sources nor this program have changed.
 */
final class CompileKernels {
  private static final String PTX = "compute_80"; // runs on every later device
  private static final int DYNAMIC_BYTES = 8192; // of MaxSim with 32 rows, dim 128

  private CompileKernels() {}

  public static void main(String[] args) throws IOException {
    Path sources = Path.of(args[0]);
    Path out = Path.of(args[1]);
    if (!Nvrtc.present()) {
      System.out.println(
          "kernels: no CUDA compiler for this platform; the cuda backend is left out");
      return;
    }
    String program = program(sources);
    String stamp = stamp(sources, program);
    Path stampFile = out.resolve("stamp");
    if (Files.exists(stampFile) && Files.readString(stampFile).equals(stamp)) {
      System.out.print(Files.readString(out.resolve("report.txt")));
      return;
    }
    Files.createDirectories(out);
    Files.deleteIfExists(stampFile);
    KernelReport report = compile(new Nvrtc(Path.of(args[2])), program, sources, out);
    Files.writeString(out.resolve("report.txt"), report.text());
    System.out.print(report.text());
    List<String> spills = report.spills();
    if (!spills.isEmpty()) {
      System.err.println("kernels: registers are spilled by " + String.join(", ", spills));
      System.exit(1);
    }
    Files.writeString(stampFile, stamp);
  }

  private static KernelReport compile(Nvrtc nvrtc, String program, Path sources, Path out)
      throws IOException {
    Map<String, Future<Nvrtc.Result>> results = new TreeMap<>();
    KernelReport report = new KernelReport(threads(sources), DYNAMIC_BYTES);
    try (ExecutorService pool =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      for (Architecture architecture : Architecture.ALL) {
        results.put(
            architecture.name(),
            pool.submit(() -> compile(nvrtc, program, sources, architecture.name(), "CUBIN")));
      }
      results.put("tartan", pool.submit(() -> compile(nvrtc, program, sources, PTX, "PTX")));
    }
    for (Map.Entry<String, Future<Nvrtc.Result>> entry : results.entrySet()) {
      Nvrtc.Result result = done(entry.getValue());
      if (!result.success()) {
        System.err.println(result.log());
        System.err.println("kernels: compilation for " + entry.getKey() + " fails; see above");
        System.exit(1);
      }
      boolean ptx = entry.getKey().equals("tartan");
      Files.write(out.resolve(entry.getKey() + (ptx ? ".ptx" : ".cubin")), result.image());
      if (!ptx) {
        report.add(entry.getKey(), result.log());
      }
    }
    return report;
  }

  private static Nvrtc.Result compile(
      Nvrtc nvrtc, String program, Path sources, String target, String kind) {
    List<String> options =
        new ArrayList<>(List.of("-arch=" + target, "--std=c++17", "--fmad=false", "-I" + sources));
    if (kind.equals("CUBIN")) {
      options.add("--ptxas-options=-v");
    }
    return nvrtc.compile(program, "tartan.cu", options, kind);
  }

  private static <T> T done(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> files(Path sources, String ending) throws IOException {
    try (Stream<Path> all = Files.list(sources)) {
      return all.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    }
  }

  /** All kernels as one program; each file has a namespace of its own, as if compiled alone. */
  private static String program(Path sources) throws IOException {
    StringBuilder program = new StringBuilder();
    for (Path header : files(sources, ".cuh")) {
      program.append("#include \"%s\"%n".formatted(header.getFileName()));
    }
    for (Path file : files(sources, ".cu")) {
      String name = file.getFileName().toString();
      program.append(
          "namespace in_%s {%n#include \"%s\"%n}%n".formatted(name.replace(".cu", ""), name));
    }
    return program.toString();
  }

  /** The block size of each kernel, as its definition says. */
  private static Map<String, Integer> threads(Path sources) throws IOException {
    Map<String, Integer> threads = new TreeMap<>();
    for (Path file : files(sources, ".cu")) {
      threads.putAll(KernelReport.threads(Files.readString(file)));
    }
    return threads;
  }

  private static String stamp(Path sources, String program) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(program.getBytes(StandardCharsets.UTF_8));
      for (String ending : List.of(".cuh", ".cu")) {
        for (Path file : files(sources, ending)) {
          digest.update(Files.readAllBytes(file));
        }
      }
      for (Class<?> part : List.of(CompileKernels.class, KernelReport.class, Architecture.class)) {
        try (var code = part.getResourceAsStream(part.getSimpleName() + ".class")) {
          digest.update(code.readAllBytes());
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
