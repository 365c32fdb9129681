package dev.tartan.compute;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.compute.cuda.CudaBackend;
import dev.tartan.compute.host.HostBackend;
import dev.tartan.compute.reference.ReferenceKernels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Every backend that this machine can run, and the one that says what is right. */
public final class Contenders {
  /** Why cuda does not contend, which is said once; null if it does. */
  private static final @Nullable String NO_CUDA = cudaProblem();

  private Contenders() {}

  /** The specification. */
  public static Backend reference() {
    return new HostBackend("reference", new ReferenceKernels(), 1);
  }

  /** All of {@link #onHost}, and cuda where there is a driver: a real one or that of the tests. */
  public static List<Backend> all() {
    List<Backend> all = onHost();
    if (NO_CUDA == null) {
      all.add(cuda(false));
    }
    return all;
  }

  /**
   * The cuda backend; the test is skipped where there is none.
   *
   * @param pooled whether device memory is shared out as in use; else each array has memory of its
   *     exact size, so that the driver of the tests finds what is beyond it
   */
  public static Backend cuda(boolean pooled) {
    return cuda(Map.of("tartan.cuda.pool", Boolean.toString(pooled)), notice -> {});
  }

  /** The cuda backend with settings of its own; the test is skipped where there is none. */
  public static Backend cuda(Map<String, String> properties, Consumer<String> notices) {
    assumeTrue(NO_CUDA == null, "cuda is not tested: " + NO_CUDA);
    Map<String, String> before = new HashMap<>();
    properties.forEach((name, value) -> before.put(name, System.setProperty(name, value)));
    try {
      return CudaBackend.open(2, notices);
    } finally {
      before.forEach(
          (name, value) -> System.setProperty(name, Objects.requireNonNullElse(value, "")));
    }
  }

  private static @Nullable String cudaProblem() {
    String problem = CudaBackend.problem();
    if (problem != null) {
      System.out.println("cuda is not tested: " + problem);
    }
    return problem;
  }

  /**
   * What the score of a query of {@code rows} rows may differ by from the reference's. Float16 errs
   * by up to 2e-3 a row, but by chance: so it is held to less than the sum.
   *
   * @param expected what the reference says
   */
  public static float bound(Backend backend, int rows, float expected) {
    float float32 = 1e-5f * rows;
    double float16 = 2e-3 * Math.min(rows, Math.abs(expected) + Math.sqrt(rows) / 2);
    return backend.name().equals("cuda") ? float32 + (float) float16 : float32;
  }

  /** The reference with three threads and each tier of the CPU kernels with one and three. */
  public static List<Backend> onHost() {
    List<Backend> all = new ArrayList<>();
    all.add(new HostBackend("reference", new ReferenceKernels(), 3));
    for (CpuKernels kernels : CpuKernels.all()) {
      all.add(new HostBackend("cpu", kernels, 1));
      all.add(new HostBackend("cpu", kernels, 3));
    }
    return all;
  }

  /** The fastest one here, of {@code threads} threads. */
  public static Backend best(int threads) {
    List<CpuKernels> cpu = CpuKernels.all();
    return cpu.isEmpty()
        ? new HostBackend("reference", new ReferenceKernels(), threads)
        : new HostBackend("cpu", cpu.getLast(), threads);
  }
}
