package dev.tartan.compute.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of the host that the device copies from and to by itself. */
record PinnedMemory(CudaDevice device, MemorySegment segment) implements AutoCloseable {
  private static final int PORTABLE = 1; // CU_MEMHOSTALLOC_PORTABLE: in every context

  static PinnedMemory allocate(CudaDevice device, long bytes) {
    device.enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(ADDRESS);
      CudaFunctions.memHostAlloc(address, bytes, PORTABLE);
      return new PinnedMemory(device, address.get(ADDRESS, 0).reinterpret(bytes));
    }
  }

  @Override
  public void close() {
    device.enter();
    CudaFunctions.memFreeHost(segment);
  }
}
