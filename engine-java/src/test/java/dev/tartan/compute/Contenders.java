package dev.tartan.compute;

import dev.tartan.compute.cpu.CpuKernels;
import dev.tartan.compute.host.HostBackend;
import dev.tartan.compute.reference.ReferenceKernels;
import java.util.ArrayList;
import java.util.List;

/** Every backend that this machine can run, and the one that says what is right. */
public final class Contenders {
  private Contenders() {}

  /** The specification. */
  public static Backend reference() {
    return new HostBackend("reference", new ReferenceKernels(), 1);
  }

  /** The reference with three threads and each tier of the CPU kernels with one and three. */
  public static List<Backend> all() {
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
