package dev.tartan.kernels;

/**
 * A kind of device that kernels are compiled for, with what bounds the threads of one
 * multiprocessor (CUDA C++ programming guide, "compute capabilities").
 *
 * @param name "sm_90"
 * @param warps resident at most
 * @param blocks resident at most
 * @param sharedKib shared memory
 */
record Architecture(String name, int warps, int blocks, int sharedKib) {
  static final java.util.List<Architecture> ALL =
      java.util.List.of(
          new Architecture("sm_80", 64, 32, 164),
          new Architecture("sm_86", 48, 16, 100),
          new Architecture("sm_89", 48, 24, 100),
          new Architecture("sm_90", 64, 32, 228),
          new Architecture("sm_100", 64, 32, 228),
          new Architecture("sm_120", 48, 24, 100));

  private static final int REGISTERS = 65536;
  private static final int REGISTERS_A_WARP_STEP = 256;
  private static final int RESERVED_SHARED = 1024; // of each block

  /** Percent of the warps that can be resident at once. */
  int occupancy(int threads, int registers, int sharedBytes) {
    int warpsOfBlock = (threads + 31) / 32;
    int step = REGISTERS_A_WARP_STEP;
    int registersOfWarp = Math.max(step, (registers * 32 + step - 1) / step * step);
    int byRegisters = REGISTERS / registersOfWarp / warpsOfBlock;
    int byShared = sharedKib * 1024 / (sharedBytes + RESERVED_SHARED);
    int resident =
        Math.min(Math.min(blocks, warps / warpsOfBlock), Math.min(byRegisters, byShared));
    return 100 * resident * warpsOfBlock / warps;
  }
}
