package dev.tartan.compute.cuda;

import java.util.Locale;

/** The kernels of kernels/src/main/cuda, each with the threads of a block and what it takes. */
enum Kernel {
  CENTROID_SCORES(256, 56),
  MEASURE_CENTROIDS(256, 48),
  QUANTISE_CENTROIDS(256, 48),
  QUANTISE_QUERY(256, 128),
  INTEGER_SCORES(256, 64),
  PROBE_CENTROIDS(256, 184),
  MARK_PASSAGES(256, 184),
  COUNT_PASSAGES(1024, 184),
  GAIN_PASSAGES(256, 184),
  WRITE_PASSAGES(256, 184),
  APPROXIMATE_SCORES(256, 144),
  INTEGER_MAXSIM(256, 184),
  MAXSIM_1(128, 200),
  MAXSIM_2(128, 200),
  MAXSIM_3(128, 200),
  MAXSIM_4(128, 200),
  MAXSIM_8(128, 200),
  RESCORE_1(128, 200),
  RESCORE_2(128, 200),
  RESCORE_3(128, 200),
  RESCORE_4(128, 200),
  RESCORE_8(128, 200),
  MAXSIM_DENSE(128, 200),
  KEEP_BEST(1024, 88),
  CUT(1024, 88),
  NEAREST_CENTROIDS(256, 48),
  ACCUMULATE_CENTROIDS(256, 64),
  COMPRESS(256, 96),
  DECOMPRESS(256, 128);

  /** Threads of a block. */
  final int threads;

  /** Size of its structure in arguments.cuh. */
  final int argumentBytes;

  Kernel(int threads, int argumentBytes) {
    this.threads = threads;
    this.argumentBytes = argumentBytes;
  }

  /** Its name in the image. */
  String symbol() {
    return "tartan_" + name().toLowerCase(Locale.ROOT);
  }

  static Kernel maxSim(int nbits) {
    return ofBits("MAXSIM_", nbits);
  }

  static Kernel rescore(int nbits) {
    return ofBits("RESCORE_", nbits);
  }

  private static Kernel ofBits(String stem, int nbits) {
    return valueOf(stem + nbits);
  }
}
