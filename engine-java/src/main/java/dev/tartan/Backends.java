package dev.tartan;

import dev.tartan.compute.Backend;
import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.compute.cuda.CudaBackend;
import dev.tartan.compute.host.HostBackend;
import dev.tartan.compute.reference.ReferenceKernels;
import dev.tartan.memory.TartanException;
import java.util.List;
import java.util.function.Consumer;

/** Makes backends by name; the only place that knows them all. */
public final class Backends {
  /** The names that {@link #open} takes. */
  public static final List<String> NAMES = List.of("auto", "cuda", "cpu", "reference");

  private Backends() {}

  /**
   * A backend of {@code threads} threads. {@code "auto"} takes the best that works here and tells
   * {@code notices} in one line what it had to do without; any other name gives that backend or
   * throws.
   *
   * @throws TartanException with the reason if the backend that was named cannot work here
   */
  public static Backend open(String name, int threads, Consumer<String> notices) {
    if (threads < 1) {
      throw new TartanException("%d threads: at least 1 is needed".formatted(threads));
    }
    return switch (name) {
      case "auto" -> automatic(threads, notices);
      case "cpu" -> new HostBackend("cpu", CpuKernels.best(notices), threads);
      case "reference" -> new HostBackend("reference", new ReferenceKernels(), threads);
      case "cuda" -> CudaBackend.open(threads, notices);
      default ->
          throw new TartanException(
              "there is no backend '%s'; choose of %s".formatted(name, String.join(", ", NAMES)));
    };
  }

  /** A driver that cannot be used is worth a notice, a machine without one is not. */
  private static Backend automatic(int threads, Consumer<String> notices) {
    if (CudaBackend.isInstalled()) {
      String problem = CudaBackend.problem();
      if (problem == null) {
        return CudaBackend.open(threads, notices);
      }
      notices.accept("the GPU is not used: " + problem);
    }
    return onProcessor(threads, notices);
  }

  private static Backend onProcessor(int threads, Consumer<String> notices) {
    String problem = CpuKernels.problem();
    if (problem == null) {
      return new HostBackend("cpu", CpuKernels.best(notices), threads);
    }
    notices.accept("no cpu kernels (" + problem + "): the slower reference backend serves");
    return new HostBackend("reference", new ReferenceKernels(), threads);
  }
}
